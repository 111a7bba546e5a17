"""What a benchmark is made of: who takes part, what they do, and what is aimed at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["ours", "plain", "floor", "peer"]
"""``plain`` is the same work without any tool, ``floor`` the best that hooks written by hand can do."""


@dataclass(frozen=True)
class Participant:
    """Somebody who takes turns."""

    name: str
    kind: Kind
    module: str
    """Where its tasks are, importable in its environment."""
    package: str
    """The distribution whose version is shown."""
    lock: Path | None = None
    """What its environment is made of; None for this one."""


def participant(benchmark: str, name: str, kind: Kind, package: str) -> Participant:
    """Somebody by the name of his file, and a peer by that of his lock, in the folder of a benchmark."""
    lock = Path(__file__).parent / benchmark / "locks" / f"{name}.txt" if kind == "peer" else None
    return Participant(name, kind, f"benchmarks.{benchmark}.participants.{name}", package, lock)


@dataclass(frozen=True)
class Task:
    """One thing that everybody does on the same inputs."""

    name: str
    """The function of the participants' modules."""
    case: str
    """Under which its rows stand."""
    does: str
    inputs: Callable[[Path], Path]
    """Makes the inputs below a folder, or finds them there; gives their own folder."""
    conditions: str
    kinds: tuple[Kind, ...] = ("ours", "plain", "floor", "peer")
    count_flops: bool = False
    tolerance: float = 1e-3
    """Largest difference from the floor, in standard deviations of what is compared."""


@dataclass(frozen=True)
class Target:
    """A number that is aimed at: our share of theirs at most, or their multiple of ours at least."""

    task: str
    against: Literal["plain", "best peer"]
    what: Literal["time", "memory", "flops"]
    bound: float
    at_most: bool
    """Whether ``ours / theirs`` stays below the bound; otherwise ``theirs / ours`` above it."""
    use: str | None = None
    """Which use of theirs: None for whichever is best, empty for the documented one."""
    why: str = ""
    """What stands in the way, shown where the target is missed."""


@dataclass(frozen=True)
class Benchmark:
    """All of it."""

    name: str
    participants: tuple[Participant, ...]
    tasks: tuple[Task, ...]
    targets: tuple[Target, ...]
    folder: Path
    """Where its table of results is kept."""
