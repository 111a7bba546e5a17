"""Execute one cell: one tool on one organism, with handle, meter and budget; the outcome is a record."""

import platform
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import safetensors
import torch
import transformers

from assay import __version__
from assay.access import open_handle
from assay.access.replay import Replay
from assay.access.source import Source
from assay.core import Job, Material, Method, Record, Setting, Status
from assay.core.errors import AccessDenied, BudgetExceeded, NotApplicable
from assay.core.seed import derive
from assay.cost import Budget, Meter
from assay.model.numerics import products
from assay.runner.options import Options
from assay.runner.plan import Cell, Planned, Tool
from assay.techniques.dictionaries.explanations.sheets import sheets

_STATUS: tuple[tuple[type[Exception], Status], ...] = (
    (AccessDenied, "denied"),
    (BudgetExceeded, "over_budget"),
    (NotApplicable, "not_applicable"),
)


@dataclass(frozen=True)
class Bench:
    """What stands ready for all cells of one organism: its job, its material and its two models."""

    job: Job
    materials: Mapping[bool, Material]
    """twin? -> material; the cases are the same."""
    models: Mapping[bool, Replay]
    """twin? -> model."""
    others: Mapping[str, Callable[[], Source]]
    """Models beside them that a method may ask for."""
    organism: Planned
    options: Options


@dataclass(frozen=True)
class Outcome:
    """A record with what belongs to it."""

    record: Record
    arrays: Mapping[str, np.ndarray]
    exhibit: Mapping[str, Any]
    """What a report may show of the answer; empty for most."""


def run_cell(
    bench: Bench, cell: Cell, tool: Tool, chosen: Setting | None, selected_on: Sequence[str]
) -> Outcome:
    """Run one cell; what goes wrong is recorded, not raised, so that one bad method stops nothing else."""
    meter = Meter(bench.models[cell.twin].engine.device)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    values: dict[str, float] = {}
    arrays: dict[str, np.ndarray] = {}
    exhibit: Mapping[str, Any] = {}
    setting: Setting = chosen or {}
    status: Status = "ok"
    error = ""
    try:
        if cell.phase == "tune":
            values = _tune(bench, cell, tool.method, meter)
        else:
            setting = chosen or tool.method.default_setting(bench.models[cell.twin].engine.n_layers)
            arrays, exhibit = _report(bench, cell, tool.method, setting, meter)
    except Exception as problem:
        status = _status(problem)
        error = str(problem) if status != "failed" else "".join(traceback.format_exception(problem, limit=-4))
    record = Record(
        run_id=cell.run_id,
        phase=cell.phase,
        job=bench.options.job,
        organism=cell.organism,
        recipe=bench.organism.recipe,
        seed=bench.organism.seed,
        twin=cell.twin,
        method=tool.key,
        kind=tool.kind,
        access=tool.access.value,
        status=status,
        setting=dict(setting),
        selected_on=tuple(selected_on),
        values=values,
        prepare=meter.prepare,
        use=meter.use,
        error=error,
        versions=versions(bench.models[cell.twin].engine.device),
        started=started,
    )
    return Outcome(record, arrays, exhibit)


def _tune(bench: Bench, cell: Cell, method: Method, meter: Meter) -> dict[str, float]:
    """The select score of every setting, under the names ``setting_0``, ``setting_1``, ..."""
    settings = method.settings(bench.models[False].engine.n_layers, bench.options.tuning)
    scores: dict[str, float] = {}
    for number, setting in enumerate(settings):
        answer, handle = _fit(bench, cell, method, setting, meter)
        with meter.stage("use"), meter.measure():
            scores[f"setting_{number}"] = bench.job.select(answer, handle, bench.materials[False])
    return scores


def _report(
    bench: Bench, cell: Cell, method: Method, setting: Setting, meter: Meter
) -> tuple[dict[str, np.ndarray], Mapping[str, Any]]:
    answer, handle = _fit(bench, cell, method, setting, meter)
    material = bench.materials[cell.twin]
    with meter.stage("use"), meter.measure():
        arrays = dict(bench.job.evaluate(answer, handle, material, cell.twin))
    if cell.twin:
        return arrays, {}
    # what follows is for the report and for other organisms' calibration, and is no work of the method's
    quiet = open_handle(bench.models[False], method.access, Meter(), Budget(), bench.others)
    if bench.job.calibrate is not None:
        arrays |= bench.job.calibrate(answer, quiet, material)
    return arrays, bench.job.exhibit(answer, quiet, material, sheets) if bench.job.exhibit else {}


def _fit(bench: Bench, cell: Cell, method: Method, setting: Setting, meter: Meter) -> tuple[Any, Any]:
    material = bench.materials[cell.twin].told(method.text)
    told = bench.job.brief(material)
    if method.sees_truth:
        told = bench.job.truth(told, material)
    budget = Budget.parse(bench.options.budget)
    handle = open_handle(bench.models[cell.twin], method.access, meter, budget, bench.others)
    # the seed is a digest: nothing of the organism can be read from it
    seed = derive(cell.organism, bench.options.job, cell.tool)
    with meter.measure():
        return method.fit(handle, told, setting, seed), handle


def _status(problem: Exception) -> Status:
    for kind, status in _STATUS:
        if isinstance(problem, kind):
            return status
    return "failed"


def versions(device: torch.device) -> dict[str, str]:
    """What the record was made with."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "assay": __version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "safetensors": safetensors.__version__,
        "python": platform.python_version(),
        "device": f"{device.type} ({name})",
        "threads": str(torch.get_num_threads()),
        "matmul": products(),
    }
