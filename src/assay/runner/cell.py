"""Execute one cell: one tool on one organism, with handle, meter and budget; the outcome is a record."""

import platform
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import safetensors
import torch
import transformers

from assay import __version__
from assay.access import BlackHandle, open_handle
from assay.core import Access, Change, Job, Method, Record, Setting, Split, Status
from assay.core.errors import AccessDenied, BudgetExceeded, NotApplicable
from assay.core.seed import derive
from assay.cost import Budget, Meter
from assay.model.numerics import products
from assay.runner.kinds import Stand
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
    stand: Stand
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
    meter = Meter(bench.stand.models[cell.twin].engine.device)
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
            setting = chosen or tool.method.default_setting(bench.stand.models[cell.twin].engine.n_layers)
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
        versions=versions(bench.stand.models[cell.twin].engine.device),
        started=started,
    )
    return Outcome(record, arrays, exhibit)


def _tune(bench: Bench, cell: Cell, method: Method, meter: Meter) -> dict[str, float]:
    """The select score of every setting, under the names ``setting_0``, ``setting_1``, ..."""
    settings = method.settings(bench.stand.models[False].engine.n_layers, bench.options.tuning)
    scores: dict[str, float] = {}
    for number, setting in enumerate(settings):
        answer, handle = _fit(bench, cell, method, setting, meter)
        used = _used(bench, cell, answer, handle, meter, "select")
        with used.bill():
            scores[f"setting_{number}"] = bench.job.select(
                used.answer, used.handle, bench.stand.materials[False]
            )
    return scores


@dataclass(frozen=True)
class _Used:
    """What there is to judge, the handle to judge it with, and the bill that judging goes on."""

    answer: Any
    handle: BlackHandle
    bill: Callable[[], AbstractContextManager[None]]


def _used(bench: Bench, cell: Cell, answer: Any, handle: Any, meter: Meter, split: Split) -> _Used:
    """Put an answer to work. Where the job looks at what it did, looking is no work of the method's."""

    @contextmanager
    def use() -> Generator[None]:
        with meter.stage("use"), meter.measure():
            yield

    if bench.job.act is None:
        return _Used(answer, handle, use)
    with use():
        done = bench.job.act(answer, handle, bench.stand.materials[cell.twin], split, lambda: meter.use)
    return _Used(done, _quiet(bench, cell.twin, Access.WHITE), nullcontext)


def _quiet(bench: Bench, twin: bool, access: Access) -> BlackHandle:
    """A handle whose bill is thrown away."""
    return open_handle(bench.stand.models[twin], access, Meter(), Budget(), bench.stand.others)


def _report(
    bench: Bench, cell: Cell, method: Method, setting: Setting, meter: Meter
) -> tuple[dict[str, np.ndarray], Mapping[str, Any]]:
    answer, handle = _fit(bench, cell, method, setting, meter)
    material = bench.stand.materials[cell.twin]
    used = _used(bench, cell, answer, handle, meter, "report")
    with used.bill():
        arrays = dict(bench.job.evaluate(used.answer, used.handle, material, cell.twin))
    if cell.twin:
        return arrays, {}
    # what follows is for the report and for other organisms' calibration, and is no work of the method's
    quiet = _quiet(bench, False, method.access)
    if bench.job.calibrate is not None:
        arrays |= bench.job.calibrate(used.answer, quiet, material)
    return arrays, bench.job.exhibit(used.answer, quiet, material, sheets) if bench.job.exhibit else {}


def _fit(bench: Bench, cell: Cell, method: Method, setting: Setting, meter: Meter) -> tuple[Any, Any]:
    material = bench.stand.materials[cell.twin].told(method.text)
    told = bench.job.brief(material)
    if method.sees_truth:
        told = bench.job.truth(told, material)
    budget = Budget.parse(bench.options.budget)
    handle = open_handle(bench.stand.models[cell.twin], method.access, meter, budget, bench.stand.others)
    # the seed is a digest: nothing of the organism can be read from it
    seed = derive(cell.organism, bench.options.job, cell.tool)
    with meter.measure():
        answer = method.fit(handle, told, setting, seed)
    if isinstance(answer, Change):  # such as a pre-training that a method builds on
        meter.charge(answer.paid)
    return answer, handle


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
