"""Whether a score that should be at chance lies above it, tried several times on the same items."""

import math

import numpy as np
from jaxtyping import Float

from assay.core import Score
from assay.core.errors import BadOption
from assay.metrics.quantiles import student_quantile

RISK = 0.001
"""Probability of finding any of the tries above chance where all are at chance."""


def above_chance(metric: str, excess: Float[np.ndarray, "tries items"]) -> Score:
    """The try that lies farthest above chance: the lower end of its one-sided interval is the estimate.

    ``excess`` is each item's credit less what guessing earns. For ``K`` tries of ``n`` items each,
    ``mean - t_{n-1}(1 - risk / K) s / sqrt(n)`` is above 0 for any of them with probability at most ``risk``
    where all are at chance (Bonferroni). A positive estimate therefore says that something leaks.

    Raises:
        BadOption: fewer than two items.

    >>> above_chance("credit", np.array([[0.75, -0.25, -0.25, -0.25]])).estimate < 0
    True
    """
    tries, n = excess.shape
    if n < 2:
        raise BadOption(f"chance cannot be judged on {n} items; give at least 2")
    spread = excess.std(axis=1, ddof=1) / math.sqrt(n)
    reach = student_quantile(1 - RISK / tries, n - 1)
    lows = excess.mean(axis=1) - reach * spread
    worst = int(np.argmax(lows))
    high = float(excess[worst].mean() + reach * spread[worst])
    return Score(
        metric,
        float(lows[worst]),
        float(lows[worst]),
        high,
        n=n,
        unit="credit above chance",
        better="lower",
        level=1 - 2 * RISK / tries,
    )
