"""One benchmark from start to end: who can take part, do they agree, how long does each take."""

import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from assay.model.numerics import keeps_float32
from benchmarks.environments import EnvironmentMissing, python_of
from benchmarks.plan import Benchmark, Participant, Task
from benchmarks.process import Failed, Process, Unable
from benchmarks.rows import Row, Status
from benchmarks.turns import ratios, rounds

Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """How a benchmark is run."""

    folder: Path
    """Environments, inputs and logs are kept here."""
    rounds: int
    threads: int
    least_s: float = 0.3
    """Shorter calls are repeated until so long has passed."""


@dataclass(frozen=True)
class _Entry:
    """One participant's way of doing one task, or why there is none."""

    who: Participant
    peer: str
    use: str = ""
    status: Status = "measured"
    note: str = ""
    difference: float | None = None
    peak_mb: float | None = None
    flops: float | None = None


def run(benchmark: Benchmark, tasks: Sequence[Task], settings: Settings, say: Say) -> list[Row]:
    """Measure these tasks; everybody who cannot take part has a row that says why."""
    with ExitStack() as stack:
        absent: list[_Entry] = []
        there: dict[Participant, Process] = {}
        for who in benchmark.participants:
            try:
                there[who] = _started(who, settings, stack, say)
            except (EnvironmentMissing, Failed) as error:
                status: Status = "missing" if isinstance(error, EnvironmentMissing) else "failed"
                absent.append(_Entry(who, who.name, status=status, note=str(error)))
        return [row for task in tasks for row in _Match(task, there, absent, settings, say).rows()]


class _Match:
    """One task: everybody's results, then everybody's turns."""

    def __init__(
        self, task: Task, there: dict[Participant, Process], absent: list[_Entry], settings: Settings, say: Say
    ) -> None:
        self._task, self._settings, self._say = task, settings, say
        self._there = {who: process for who, process in there.items() if who.kind in task.kinds}
        self._absent = [entry for entry in absent if entry.who.kind in task.kinds]

    def rows(self) -> list[Row]:
        """Prepare, compare, measure memory, take turns."""
        inputs = self._task.inputs(self._settings.folder / "inputs")
        self._say(f"{self._task.name}: preparing and comparing results")
        entries = [entry for who in self._there for entry in self._prepared(who, inputs)]
        entries = [*self._agreeing(entries, inputs), *self._absent]
        ours = next((entry for entry in entries if entry.who.kind == "ours"), None)
        rivals = [entry for entry in entries if entry.who.kind != "ours"]
        if ours is None or ours.status != "measured":
            why = "Assay took no part" if ours is None else f"Assay: {ours.status}: {ours.note}"
            status = "missing" if ours is None else ours.status
            return [self._row(replace(r, status=status, note=why)) for r in rivals if r.status == "measured"] + [
                self._row(r) for r in rivals if r.status != "measured"
            ]
        return self._timed(ours, rivals)

    def _prepared(self, who: Participant, inputs: Path) -> Iterator[_Entry]:
        process = self._there[who]
        base = _Entry(who, _shown(who, process))
        try:
            for use in process.ask("prepare", task=self._task.name, inputs=str(inputs)):
                yield replace(base, use=use)
        except (Unable, Failed) as error:
            yield replace(base, status="unable" if isinstance(error, Unable) else "failed", note=str(error))

    def _agreeing(self, entries: list[_Entry], inputs: Path) -> list[_Entry]:
        """Everybody does the task once before anybody is timed; the floor is what they are compared with."""
        found: list[tuple[_Entry, dict[str, Tensor]]] = []
        for entry in entries:
            file = inputs / f"{entry.who.name}.result.safetensors"
            entry, _ = self._asked(entry, "result", file=str(file))
            found.append((entry, load_file(file) if entry.status == "measured" else {}))
            file.unlink(missing_ok=True)
        truth = next((result for entry, result in found if entry.who.kind == "floor" and result), {})
        return [_compared(entry, result, truth, self._task.tolerance) for entry, result in found]

    def _timed(self, ours: _Entry, rivals: list[_Entry]) -> list[Row]:
        able = [ours, *(entry for entry in rivals if entry.status == "measured")]
        self._say(f"{self._task.name}: memory" + (" and operations" if self._task.count_flops else ""))
        able = [self._weighed(entry) for entry in able]
        turns = {entry: self._turn(entry) for entry in able}
        count = self._settings.rounds
        seconds = rounds(turns, count, lambda n: self._say(f"{self._task.name}: round {n} of {count}"))
        first, out = able[0], [entry for entry in rivals if entry.status != "measured"]
        rows = [self._measured(entry, seconds[entry], first, seconds[first]) for entry in able[1:]]
        return rows + [self._row(entry) for entry in out]

    def _weighed(self, entry: _Entry) -> _Entry:
        entry, peak = self._asked(entry, "peak")
        counted = self._asked(entry, "flops")[1] if self._task.count_flops else None
        return replace(entry, peak_mb=peak, flops=counted)

    def _turn(self, entry: _Entry) -> Callable[[], float]:
        least = self._settings.least_s
        return lambda: self._there[entry.who].ask("time", use=entry.use, least=least)

    def _asked(self, entry: _Entry, do: str, **what: Any) -> tuple[_Entry, Any]:
        """Have something done; who breaks is marked and goes no further."""
        if entry.status != "measured":
            return entry, None
        try:
            return entry, self._there[entry.who].ask(do, use=entry.use, **what)
        except Failed as error:
            return replace(entry, status="failed", note=str(error)), None

    def _measured(self, entry: _Entry, theirs: list[float], ours: _Entry, own: list[float]) -> Row:
        ratio = ratios(theirs, own)
        return replace(
            self._row(entry),
            ratio=ratio.middle, low=ratio.low, high=ratio.high, n=ratio.n,
            ours_s=median(own), peer_s=median(theirs), ours_peak_mb=ours.peak_mb, peer_peak_mb=entry.peak_mb,
            ours_gflop=_giga(ours.flops), peer_gflop=_giga(entry.flops),
        )  # fmt: skip

    def _row(self, entry: _Entry) -> Row:
        process = self._there.get(entry.who)
        conditions = {
            "task": f"{self._task.does}; {self._task.conditions}",
            "machine": machine(self._settings),
            "versions": process.versions if process else {},
        }
        return Row(
            self._task.case, self._task.name, entry.peer, entry.who.kind, entry.use, entry.status, entry.note,
            difference=entry.difference, conditions=conditions,
        )  # fmt: skip


def machine(settings: Settings) -> dict[str, str]:
    """What a time depends on."""
    return {
        "processor": _processor(),
        "threads": f"{settings.threads} of {os.cpu_count()}",
        "arithmetic": "float32" + (", products through oneDNN for everybody" if keeps_float32() else ""),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def disagreement(result: dict[str, Tensor], truth: dict[str, Tensor]) -> float:
    """Largest difference over all that is compared, in standard deviations of each; infinite for unlike shapes.

    >>> disagreement({"a": torch.tensor([1.0, 3.0])}, {"a": torch.tensor([1.0, 1.0])})
    inf
    """
    if set(result) != set(truth) or any(result[name].shape != truth[name].shape for name in truth):
        return float("inf")
    parts = [(result[n].double() - truth[n].double()).abs().max() / truth[n].double().std() for n in truth]
    worst = float(torch.stack(parts).max()) if parts else 0.0
    return worst if worst == worst else float("inf")


def _compared(entry: _Entry, result: dict[str, Tensor], truth: dict[str, Tensor], most: float) -> _Entry:
    # a plain pass may have nothing to show but its time
    if entry.status != "measured" or (entry.who.kind == "plain" and not result):
        return entry
    shared = {name: truth[name] for name in truth if entry.who.kind != "plain" or name in result}
    off = disagreement(result, shared)
    if shared and off <= most:
        return replace(entry, difference=off)
    why = f"its results differ from those of raw hooks by {off:.2g} standard deviations, {most:g} are allowed"
    return replace(entry, status="disagrees", difference=off if off < float("inf") else None, note=why)


def _started(who: Participant, settings: Settings, stack: ExitStack, say: Say) -> Process:
    python = sys.executable if who.lock is None else python_of(who.lock, settings.folder / "environments", say)
    logs = settings.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    process = stack.enter_context(Process(python, who, settings.threads, logs / f"{who.name}.log"))
    process.greeting()
    process.ask("settle", threads=settings.threads, products="bf16" if keeps_float32() else "none")
    return process


def _shown(who: Participant, process: Process) -> str:
    return "floor" if who.kind == "floor" else f"{who.package} {process.versions[who.package]}"


def _giga(count: float | None) -> float | None:
    return None if count is None else count / 1e9


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
