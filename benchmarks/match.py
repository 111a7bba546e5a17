"""One task: whether the results agree, how much memory each needs, how long each takes."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.plan import Participant, Task
from benchmarks.process import Failed, Process, Unable
from benchmarks.rows import Row, Status
from benchmarks.turns import ratios, rounds
from benchmarks.work import Compared


@dataclass(frozen=True)
class Entry:
    """One participant's way of doing one task, or why there is none."""

    who: Participant
    peer: str
    use: str = ""
    status: Status = "measured"
    note: str = ""
    difference: float | None = None
    peak_mb: float | None = None
    flops: float | None = None


class Match:
    """Everybody at one task."""

    def __init__(
        self, task: Task, there: Mapping[Participant, Process], machine: dict[str, str], least_s: float
    ) -> None:
        """``least_s`` is how long a turn takes at least; shorter calls are repeated."""
        self._task, self._machine, self._least_s = task, machine, least_s
        self._there = {who: process for who, process in there.items() if who.kind in task.kinds}

    def rows(self, inputs: Path, count: int, absent: list[Entry], say: Callable[[str], None]) -> list[Row]:
        """Prepare, compare, weigh, take ``count`` turns; Assay is what the others stand beside."""
        entries = [entry for who in self._there for entry in self._prepared(who, inputs)]
        entries = [*self._agreeing(entries, inputs), *absent]
        seconds: dict[Entry, list[float]] = {}
        if _ours(entries).status == "measured":
            say(f"{self._task.name}: memory" + (" and operations" if self._task.count_flops else ""))
            entries = [self._weighed(entry) for entry in entries]
            turns = {entry: self._turn(entry) for entry in entries if entry.status == "measured"}
            seconds = rounds(turns, count, lambda n: say(f"{self._task.name}: round {n} of {count}"))
        return self._beside(_ours(entries), [e for e in entries if e.who.kind != "ours"], seconds)

    def _prepared(self, who: Participant, inputs: Path) -> Iterator[Entry]:
        base = Entry(who, shown(who, self._there[who].versions))
        try:
            uses = self._there[who].ask("prepare", task=self._task.name, inputs=str(inputs))
            yield from (replace(base, use=use) for use in uses)
        except (Unable, Failed) as error:
            yield replace(base, status="unable" if isinstance(error, Unable) else "failed", note=str(error))

    def _agreeing(self, entries: list[Entry], inputs: Path) -> list[Entry]:
        """Everybody does the task once before anybody is timed; the floor is what they are compared with."""
        found: list[tuple[Entry, Compared]] = []
        for planned in entries:
            file = inputs / f"{planned.who.name}.result.safetensors"
            entry, _ = self._asked(planned, "result", file=str(file))
            found.append((entry, load_file(file) if entry.status == "measured" else {}))
            file.unlink(missing_ok=True)
        truth = next((result for entry, result in found if entry.who.kind == "floor" and result), {})
        return [compared(entry, result, truth, self._task.tolerance) for entry, result in found]

    def _weighed(self, entry: Entry) -> Entry:
        entry, peak = self._asked(entry, "peak")
        # who cannot be counted can be timed all the same
        count = self._asked(entry, "flops")[1] if self._task.count_flops else None
        return replace(entry, peak_mb=peak, flops=count)

    def _turn(self, entry: Entry) -> Callable[[], float]:
        def turn() -> float:
            done, seconds = self._asked(entry, "time", least=self._least_s)
            return seconds if done.status == "measured" else math.nan

        return turn

    def _asked(self, entry: Entry, do: str, **what: Any) -> tuple[Entry, Any]:
        """Have something done; who breaks is marked and goes no further."""
        if entry.status != "measured":
            return entry, None
        try:
            return entry, self._there[entry.who].ask(do, use=entry.use, **what)
        except Failed as error:
            return replace(entry, status="failed", note=str(error)), None

    def _beside(self, ours: Entry, rivals: list[Entry], seconds: dict[Entry, list[float]]) -> list[Row]:
        own = seconds.get(ours, [])
        if ours.status == "measured" and not all(map(math.isfinite, own)):
            ours = replace(ours, status="failed", note="broke off while it was timed")
        if ours.status != "measured":
            why = f"not timed, for Assay {ours.status}: {ours.note}"
            untimed = {"status": ours.status, "note": why}
            return [self._row(replace(r, **untimed) if r.status == "measured" else r) for r in rivals]
        return [self._measured(rival, seconds.get(rival, []), ours, own) for rival in rivals]

    def _measured(self, rival: Entry, theirs: list[float], ours: Entry, own: list[float]) -> Row:
        if rival.status != "measured":
            return self._row(rival)
        if not all(map(math.isfinite, theirs)):
            return self._row(replace(rival, status="failed", note="broke off while it was timed"))
        ratio = ratios(theirs, own)
        return replace(
            self._row(rival),
            ratio=ratio.middle, low=ratio.low, high=ratio.high, n=ratio.n,
            ours_s=median(own), peer_s=median(theirs), ours_peak_mb=ours.peak_mb, peer_peak_mb=rival.peak_mb,
            ours_gflop=_giga(ours.flops), peer_gflop=_giga(rival.flops), peak_gflops=_giga(self._peak()),
        )  # fmt: skip

    def _peak(self) -> float | None:
        """What the machine can do, asked where Assay runs; only where operations are counted."""
        process = next((p for who, p in self._there.items() if who.kind == "ours"), None)
        return process.ask("matrix_peak") if process and self._task.count_flops else None

    def _row(self, entry: Entry) -> Row:
        process = self._there.get(entry.who)
        conditions = {
            "task": f"{self._task.does}; {self._task.conditions}",
            "machine": self._machine,
            "versions": process.versions if process else {},
        }
        return Row(
            self._task.case, self._task.name, entry.peer, entry.who.kind, entry.use, entry.status, entry.note,
            difference=entry.difference, conditions=conditions,
        )  # fmt: skip


def shown(who: Participant, versions: Mapping[str, str]) -> str:
    """What a participant is called in the table."""
    return "floor" if who.kind == "floor" else f"{who.package} {versions[who.package]}"


def compared(entry: Entry, result: Compared, truth: Compared, most: float) -> Entry:
    """The entry with its difference from the truth, marked where that is too large."""
    # a plain pass may have nothing to show but its time
    if entry.status != "measured" or (entry.who.kind == "plain" and not result):
        return entry
    shared = {name: truth[name] for name in truth if entry.who.kind != "plain" or name in result}
    off = disagreement(result, shared)
    if shared and off <= most:
        return replace(entry, difference=off)
    why = f"its results differ from those of raw hooks by {off:.2g} standard deviations, {most:g} are allowed"
    return replace(entry, status="disagrees", difference=off if off < float("inf") else None, note=why)


def disagreement(result: dict[str, Tensor], truth: dict[str, Tensor]) -> float:
    """Largest difference over all that is compared, in standard deviations; infinite for unlike shapes.

    >>> disagreement({"a": torch.tensor([1.0, 3.0])}, {"a": torch.tensor([1.0, 1.0])})
    inf
    """
    if set(result) != set(truth) or any(result[name].shape != truth[name].shape for name in truth):
        return float("inf")
    parts = [(result[n].double() - truth[n].double()).abs().max() / truth[n].double().std() for n in truth]
    worst = float(torch.stack(parts).max()) if parts else 0.0
    return float("inf") if math.isnan(worst) else worst


def _ours(entries: list[Entry]) -> Entry:
    return next(entry for entry in entries if entry.who.kind == "ours")


def _giga(count: float | None) -> float | None:
    return None if count is None else count / 1e9
