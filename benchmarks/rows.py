"""What came out, one row for each participant and use; and whether a target was met."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks.plan import Kind, Target

Status = Literal["measured", "disagrees", "unable", "missing", "failed"]


@dataclass(frozen=True)
class Row:
    """One participant beside Assay on one task; what was not measured is None, and ``note`` says why."""

    case: str
    task: str
    peer: str
    """Name and version, or ``floor``."""
    kind: Kind
    use: str
    """How the library was used; empty where there is one way."""
    status: Status
    note: str = ""
    ratio: float | None = None
    """Their time over ours: median, and the 95% interval of the rounds."""
    low: float | None = None
    high: float | None = None
    ours_s: float | None = None
    peer_s: float | None = None
    ours_peak_mb: float | None = None
    peer_peak_mb: float | None = None
    ours_gflop: float | None = None
    peer_gflop: float | None = None
    peak_gflops: float | None = None
    """A thousand million operations a second that products of matrices reach on this machine."""
    difference: float | None = None
    """From the floor, in standard deviations of what is compared."""
    n: int = 0
    conditions: dict[str, Any] = field(default_factory=dict[str, Any])

    def json(self) -> dict[str, Any]:
        """As an object of a JSON list."""
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """A target beside what was measured; ``value`` is None where it could not be."""

    target: Target
    value: float | None
    beside: str
    interval: tuple[float, float] | None = None
    """Of a time: that of the median over rounds."""

    @property
    def met(self) -> bool:
        """Whether it was measured and holds."""
        if self.value is None:
            return False
        return self.value <= self.target.bound if self.target.at_most else self.value >= self.target.bound

    @property
    def text(self) -> str:
        """One line for people."""
        goal, sign = self.target, "<=" if self.target.at_most else ">="
        wanted = f"{goal.task}: {_measure(goal)} {sign} {goal.bound:g}"
        if self.value is None:
            return f"not measured  {wanted} ({self.beside})"
        shown = f"{self.value:.2f}"
        if self.interval:
            shown += f" [{self.interval[0]:.2f}, {self.interval[1]:.2f}]"
        why = f"; {goal.why}" if goal.why and not self.met else ""
        return f"{'met' if self.met else 'NOT MET'}  {wanted}: {shown} ({self.beside}){why}"


def verdict(target: Target, rows: Iterable[Row]) -> Verdict:
    """Hold a target against the rows; of several rivals the one that does best decides."""
    found = [(value, row) for row in rows if _fits(target, row) and (value := _multiple(target, row))]
    if not found:
        return Verdict(target, None, f"nobody to compare with as {target.against}")
    multiple, row = min(found, key=lambda pair: pair[0])
    beside = f"{row.peer}, {row.use}" if row.use else row.peer
    ends = [row.low, row.high] if target.what == "time" else []
    low, high = sorted(1 / end if target.at_most else end for end in ends if end) or (None, None)
    interval = None if low is None or high is None else (low, high)
    return Verdict(target, 1 / multiple if target.at_most else multiple, beside, interval)


def _fits(target: Target, row: Row) -> bool:
    kind = "peer" if target.against == "best peer" else "plain"
    return row.task == target.task and row.kind == kind and target.use in (None, row.use)


def _multiple(target: Target, row: Row) -> float | None:
    """Theirs over ours."""
    if target.what == "time":
        return row.ratio
    memory = target.what == "memory"
    theirs, ours = (row.peer_peak_mb, row.ours_peak_mb) if memory else (row.peer_gflop, row.ours_gflop)
    return theirs / ours if theirs and ours else None


def _measure(target: Target) -> str:
    use = {None: "in any use", "": "as documented"}.get(target.use, target.use)
    whose = f"{target.against} {use}" if target.against == "best peer" or target.use else target.against
    return f"{target.what}, ours / {whose}" if target.at_most else f"{target.what}, {whose} / ours"
