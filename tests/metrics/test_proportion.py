"""Intervals of a share: their defining equations and their coverage."""

import math

import pytest

from assay.core.errors import BadOption
from assay.metrics.proportion import clopper_pearson, proportion, wilson
from assay.metrics.quantiles import normal_quantile

CASES = [(0, 5), (1, 7), (9, 10), (50, 100), (1000, 1000), (3, 1000)]


def binomial(k: int, n: int, p: float) -> float:
    """Chance of exactly ``k`` hits, from the formula."""
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize(("hits", "n"), CASES)
def test_wilson_bounds_solve_the_score_equation(hits: int, n: int) -> None:
    """Each bound should lie exactly z standard errors, taken at the bound itself, from the share."""
    for bound in wilson(hits, n):
        if 0 < bound < 1:
            distance = abs(hits / n - bound) / math.sqrt(bound * (1 - bound) / n)
            assert distance == pytest.approx(normal_quantile(0.975), rel=1e-9)


@pytest.mark.parametrize(("hits", "n"), CASES)
def test_clopper_pearson_bounds_leave_the_tails(hits: int, n: int) -> None:
    """At each bound, what was seen or worse should have a chance of exactly 2.5%."""
    low, high = clopper_pearson(hits, n)
    if hits > 0:
        assert sum(binomial(k, n, low) for k in range(hits, n + 1)) == pytest.approx(0.025, rel=1e-6)
    if hits < n:
        assert sum(binomial(k, n, high) for k in range(hits + 1)) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 0.93])
def test_coverage(p: float) -> None:
    """The exact interval should never cover less than it promises; Wilson's may miss by a little."""
    n = 60
    exact = sum(binomial(k, n, p) for k in range(n + 1) if _covers(clopper_pearson(k, n), p))
    score = sum(binomial(k, n, p) for k in range(n + 1) if _covers(wilson(k, n), p))
    assert exact >= 0.95
    assert score >= 0.90


def test_score_carries_sample_and_direction() -> None:
    """The score should hold everything that a report prints."""
    score = proportion("false_alarms", 2, 50, better="lower")
    assert (score.estimate, score.n, score.better) == (0.04, 50, "lower")
    assert (score.low, score.high) == wilson(2, 50)


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(hits: int, n: int) -> None:
    """Counts that no sample can give should be an error that shows them."""
    with pytest.raises(BadOption, match=f"{hits} of {n}"):
        proportion("x", hits, n)
    with pytest.raises(BadOption):
        clopper_pearson(hits, n)


def _covers(interval: tuple[float, float], p: float) -> bool:
    return interval[0] <= p <= interval[1]
