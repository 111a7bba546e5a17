"""What the user asks for; ``plan`` and ``run`` take the same options."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.core.errors import BadOption
from assay.cost.budget import Budget
from assay.organisms.planting.base import EMBEDDED

Suite = Literal["quick", "full"]


@dataclass(frozen=True)
class Options:
    """All options of a run. Two runs share a folder only if their ``conditions`` agree.

    >>> Options(seeds=0)
    Traceback (most recent call last):
        ...
    assay.core.errors.BadOption: --seeds 0: give 1 or more
    """

    job: str = "monitor"
    methods: tuple[str, ...] = ()
    """Keys, or paths of Python files; empty means every entry of the job."""
    organisms: tuple[str, ...] = ()
    """Keys of recipes; empty means those of the suite."""
    base: str = EMBEDDED
    """``embedded``, a folder, or a hub name."""
    corpus: Path | None = None
    """Text file to plant in, for bases that do not speak the World's language."""
    cases: Path | None = None
    """File of facts to be changed, for jobs that work on a list of edits."""
    textbook: Path | None = None
    """File of a book to be forgotten, for jobs that work on books."""
    exams: tuple[Path, ...] = ()
    """Exams: the first on the textbook, the others on what must stay."""
    seeds: int | None = None
    """Organisms of each recipe; the suite decides if None (quick 1, full 3)."""
    suite: Suite = "quick"
    budget: str = ""
    """Limits of each single run, e.g. ``tokens=1e6,seconds=30``."""
    tuning: int = 24
    """Settings that each entry may try on the select split."""
    device: str = "auto"
    workers: int | None = None
    """Processes; None means one for each core (one in all on a GPU), 0 means within this process."""

    def __post_init__(self) -> None:
        if self.seeds is not None and self.seeds < 1:
            raise BadOption(f"--seeds {self.seeds}: give 1 or more")
        if self.suite not in ("quick", "full"):
            raise BadOption(f"--suite {self.suite}: give quick or full")
        if self.tuning < 2:
            raise BadOption(f"--tuning {self.tuning}: give 2 or more")
        if self.workers is not None and self.workers < 0:
            raise BadOption(f"--workers {self.workers}: give 0 or more")
        Budget.parse(self.budget)

    @property
    def n_seeds(self) -> int:
        """Organisms of each recipe."""
        return self.seeds if self.seeds is not None else {"quick": 1, "full": 3}[self.suite]

    @property
    def conditions(self) -> dict[str, str]:
        """What must agree between runs that share a folder, or their rows could not be compared."""
        stated = {
            "job": self.job,
            "base": self.base,
            "corpus": str(self.corpus or ""),
            "budget": self.budget,
            "tuning": str(self.tuning),
        }
        # stated only where given, so that folders made before there were cases go on as they are
        given = {
            "cases": str(self.cases or ""),
            "textbook": str(self.textbook or ""),
            "exams": ", ".join(map(str, self.exams)),
        }
        return stated | {name: value for name, value in given.items() if value}
