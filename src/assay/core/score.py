"""A score: never a bare float."""

import math
from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Score:
    """One measured quantity with its interval, its sample and its direction.

    >>> Score("auroc", 0.9, 0.8, 0.95, n=300, unit="probability", better="higher").text
    '0.900 [0.800, 0.950]'
    """

    metric: str
    estimate: float
    low: float
    high: float
    n: int
    """Number of cases behind the estimate."""
    unit: str
    better: Better
    clusters: int = 1
    """Number of independent organisms (x seeds) that the interval resamples."""
    level: float = 0.95
    """Coverage that the interval aims at."""

    def __post_init__(self) -> None:
        finite = not any(math.isnan(v) for v in (self.estimate, self.low, self.high))
        if finite and not self.low <= self.estimate <= self.high:
            raise ValueError(f"{self.metric}: {self.estimate} lies outside [{self.low}, {self.high}]")

    @property
    def text(self) -> str:
        """The score as people read it."""
        return f"{self.estimate:.3f} [{self.low:.3f}, {self.high:.3f}]"
