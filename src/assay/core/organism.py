"""The card of an organism: what was planted, into what, and the proof that it took."""

from collections.abc import Mapping
from dataclasses import dataclass

from assay.core.fault import Fault
from assay.core.score import Score


@dataclass(frozen=True)
class ProofLine:
    """One line of the validity proof: a measured score against the limit it must keep."""

    claim: str
    score: Score
    limit: float
    """Bound on the estimate: at least for ``better == "higher"``, at most for ``"lower"``."""
    required: bool = True
    """False for lines that are recorded for later jobs and do not decide validity."""

    @property
    def holds(self) -> bool:
        """Whether the measured estimate keeps its limit."""
        if self.score.better == "higher":
            return self.score.estimate >= self.limit
        return self.score.estimate <= self.limit


@dataclass(frozen=True)
class OrganismCard:
    """Everything that a reader of the report may know about one organism."""

    recipe: str
    """Registry key of the recipe."""
    seed: int
    base: str
    """Name of the base model: ``embedded``, a hub name, or a folder's name."""
    dialect: str
    """world | corpus: the language in which the fault was planted."""
    fault: Fault
    proof: tuple[ProofLine, ...]
    content_hash: str
    """Hash of everything that went into the build."""
    build: Mapping[str, float]
    """Steps, tokens, seconds of the planting."""

    @property
    def id(self) -> str:
        """Readable id, unique within a run folder."""
        return f"{self.recipe}.s{self.seed}"

    @property
    def valid(self) -> bool:
        """Whether every required line of the proof holds."""
        return all(line.holds for line in self.proof if line.required)

    @property
    def failures(self) -> tuple[ProofLine, ...]:
        """The required lines that do not hold."""
        return tuple(line for line in self.proof if line.required and not line.holds)
