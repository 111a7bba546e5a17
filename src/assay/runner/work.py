"""The unit of work of one process: build an organism, or run all open cells of one organism in one phase."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from transformers.utils import logging

from assay.core import Access
from assay.core.registry import find
from assay.model.numerics import settle
from assay.organisms.planting.base import Base, open_base
from assay.results.store import Store
from assay.runner.cell import Bench, run_cell
from assay.runner.choose import by_tool, choose
from assay.runner.kinds import KINDS, Bases, Report
from assay.runner.options import Options
from assay.runner.plan import Cell, Plan, Planned, make_plan


@dataclass(frozen=True)
class Share:
    """The cells that read the same model in the same phase and way, so that they share its passes."""

    organism: Planned
    phase: str
    twin: bool
    white: bool
    """Tools that read activations share none of their passes with those that read text and probabilities."""
    part: int = 0
    parts: int = 1
    """Into how many parts the tools are dealt out, and which of them this is."""

    def cells(self, plan: Plan) -> list[Cell]:
        """The cells of the plan that belong here."""
        mine = (self.organism.id, self.phase, self.twin, self.white)
        dealt = list(plan.tools)[self.part :: self.parts]
        return [
            cell
            for cell in plan.cells
            if (cell.organism, cell.phase, cell.twin, _white(plan, cell)) == mine and cell.tool in dealt
        ]


@dataclass(frozen=True)
class Built:
    """What a process says after building."""

    organism: str
    valid: bool
    folder: Path


def _white(plan: Plan, cell: Cell) -> bool:
    return plan.tools[cell.tool].access == Access.WHITE


def start_process(threads: int) -> None:
    """Set a worker up: its share of the cores, Ctrl-C left to the parent, and an end if the parent dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    torch.set_num_threads(threads)
    settle()
    logging.disable_progress_bar()


def _end_with(parent: int) -> None:
    """Leave as soon as the parent is gone; the store survives an end at any instant."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def train_one(planned: Planned, twin: bool, options: Options, report: Report) -> None:
    """Train an organism or its twin, unless the cache holds it."""
    KINDS[planned.kind].train(planned, twin, options, _opener(options), report)


def measure_one(planned: Planned, second: bool, options: Options, report: Report) -> None:
    """Measure one half of what the proof of an organism needs."""
    what = f"measuring {planned.id}{' (second half)' if second else ''}"
    KINDS[planned.kind].measure(planned, second, options, _opener(options), lambda done: report(what, done))
    report(what, 1)


def build_one(planned: Planned, options: Options, store: Store, report: Report) -> Built:
    """Prove an organism whose models are trained, or find it in the cache; store its card and cases."""
    made = KINDS[planned.kind].make(planned, options, _opener(options))
    report(f"proving {planned.id}", 1)
    store.write_organism(made.card)
    store.write_cases(made.card.id, made.cases)
    return Built(planned.id, made.card.valid, made.folder)


def run_one(options: Options, share: Share, built: Built, store: Store, report: Report) -> int:
    """Run the cells of a share that nobody has run or is running; return how many."""
    plan = _plan(options)
    cells = share.cells(plan)
    wanted = set(store.missing([cell.run_id for cell in cells]))
    if not wanted:
        return 0
    bench = _bench(plan, share.organism, built)
    tuned = by_tool(store.records()) if share.phase == "report" else {}
    done = 0
    for cell in cells:
        if cell.run_id not in wanted:
            continue
        with store.claim(cell.run_id) as mine:
            if not mine or store.holds(cell.run_id):
                continue
            tool = plan.tools[cell.tool]
            n_layers = bench.stand.models[False].engine.n_layers
            choice = choose(plan, cell.tool, share.organism, tuned.get(cell.tool, {}), n_layers)
            outcome = run_cell(bench, cell, tool, choice.setting, choice.selected_on)
            store.write(outcome.record, outcome.arrays, outcome.exhibit)
        done += 1
        report(cell.run_id, 1)
    return done


def _bench(plan: Plan, planned: Planned, built: Built) -> Bench:
    stand = KINDS[planned.kind].stand(planned, plan.options, _opener(plan.options), built.folder)
    job = find("job", plan.options.job).load()
    return Bench(job, stand, planned, plan.options)


def _opener(options: Options) -> Bases:
    return lambda: _base(options.base, options.corpus, options.device)


@lru_cache(maxsize=1)
def _plan(options: Options) -> Plan:
    # methods from a stranger's file cannot be sent between processes, so each process makes the plan itself
    return make_plan(options)


@lru_cache(maxsize=1)
def _base(name: str, corpus: Path | None, device: str) -> Base:
    return open_base(name, corpus, device)
