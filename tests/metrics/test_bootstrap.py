"""Intervals: their formulas, their degenerate ends, and above all their coverage."""

import math

import numpy as np
import pytest

from assay.core.errors import NotApplicable
from assay.metrics.auroc import auroc, auroc_resampled
from assay.metrics.bootstrap import Interval, group_weights, pooled, within
from assay.metrics.proportion import wilson
from assay.metrics.quantiles import student_quantile


def part(estimate: float, se: float = 0.01) -> Interval:
    """An organism's result."""
    return Interval(estimate, estimate - 2 * se, estimate + 2 * se, se, 100)


def test_weights_are_draws_with_replacement() -> None:
    """Each pool should be redrawn to its size on its own, the same for the same seed."""
    weights = group_weights((30, 7), 500, seed=3)
    assert weights.shape == (37, 500)
    assert (weights[:30].sum(axis=0) == 30).all()
    assert (weights[30:].sum(axis=0) == 7).all()
    assert weights.mean(axis=1) == pytest.approx(np.ones(37), abs=0.2)
    assert np.array_equal(weights, group_weights((30, 7), 500, seed=3))
    assert not np.array_equal(weights, group_weights((30, 7), 500, seed=4))


def test_empty_pool_has_no_rows() -> None:
    """An organism without ordinary chat should still be resampled."""
    assert group_weights((5, 0), 3, seed=0).shape == (5, 3)


def test_within_matches_the_classical_interval_for_a_mean() -> None:
    """For the mean of groups the interval should be close to mean ± t s / sqrt(G)."""
    values = np.random.default_rng(0).normal(0.5, 0.05, 20)
    weights = group_weights((20,), 20_000, seed=0)
    interval = within(float(values.mean()), values @ weights / 20, 20)
    half = student_quantile(0.975, 19) * values.std(ddof=1) / math.sqrt(20)
    assert interval.se == pytest.approx(values.std(ddof=1) / math.sqrt(20), rel=0.03)
    assert interval.high - interval.low == pytest.approx(2 * half, rel=0.05)


def test_within_keeps_bounds_and_holds_its_estimate() -> None:
    """The interval should stay in the metric's range and around the estimate, even for biased draws."""
    draws = np.random.default_rng(0).normal(0.97, 0.05, 1000)
    interval = within(0.9, draws, 50)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_draws_without_spread_reach_as_far_as_wilson() -> None:
    """A perfect score should not claim certainty: 100 clusters leave room for what 0 of 100 leaves."""
    interval = within(1.0, np.ones(500), clusters=100)
    assert interval.low == pytest.approx(1 - wilson(0, 100)[1])
    assert interval.high == 1.0
    assert interval.se > 0


def test_one_cluster_gives_the_whole_range() -> None:
    """With one cluster nothing is known about other clusters."""
    interval = within(0.7, np.full(10, 0.7), clusters=1)
    assert (interval.low, interval.high) == (0.0, 1.0)
    assert math.isfinite(interval.se)


def test_no_value_is_refused() -> None:
    """Draws without any value should be an error, not NaN in a table."""
    with pytest.raises(NotApplicable):
        within(0.5, np.full(3, np.nan), 10)


def test_pooled_is_the_t_interval_of_the_organisms() -> None:
    """Between organisms that differ, the interval should be the textbook one on their estimates."""
    values = [0.6, 0.7, 0.75, 0.9]
    interval = pooled([part(v) for v in values])
    se = np.std(values, ddof=1) / 2
    assert interval.estimate == pytest.approx(np.mean(values))
    assert interval.se == pytest.approx(se)
    assert interval.low == pytest.approx(np.mean(values) - student_quantile(0.975, 3) * se)
    assert interval.detectable == pytest.approx((student_quantile(0.975, 3) + student_quantile(0.8, 3)) * se)


def test_agreement_by_luck_cannot_undercut_sampling_error() -> None:
    """Three equal estimates should keep the error that their cases carry."""
    assert pooled([part(0.8, se=0.03)] * 3).se == pytest.approx(0.03 / math.sqrt(3))


def test_one_organism_keeps_its_own_interval() -> None:
    """Pooling one organism should add nothing and count one cluster."""
    interval = pooled([part(0.8)])
    assert (interval.low, interval.high, interval.clusters) == (part(0.8).low, part(0.8).high, 1)


@pytest.mark.parametrize("organisms", [3, 5, 9])
@pytest.mark.parametrize(("between", "precision"), [(0.05, (0.01,)), (0.0, (0.03,)), (0.03, (0.005, 0.06))])
def test_pooled_coverage(organisms: int, between: float, precision: tuple[float, ...]) -> None:
    """Over fresh organisms of equal or unequal precision at least 94% of the intervals should hold the mean.

    Redrawing the organisms and taking percentiles, the usual way, would hold it far less often with three.
    """
    rng = np.random.default_rng(7)
    trials = 4000
    se = np.resize(precision, organisms)
    values = 0.7 + rng.normal(0, 1, (trials, organisms)) * np.sqrt(between**2 + se**2)
    results = [pooled([part(v, s) for v, s in zip(row, se, strict=True)]) for row in values.tolist()]
    assert np.mean([r.low <= 0.7 <= r.high for r in results]) >= 0.94
    if organisms == 3 and between == 0.05:
        picks = rng.integers(0, 3, (1000, 3))
        naive = [np.quantile(row[picks].mean(axis=1), [0.025, 0.975]) for row in values[:500]]
        assert np.mean([low <= 0.7 <= high for low, high in naive]) < 0.85


def clustered_sample(rng: np.random.Generator, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four cases a request, two of them positive; half of the variance belongs to the request."""
    group = np.repeat(np.arange(groups), 4)
    labels = np.tile([True, True, False, False], groups)
    shared = np.repeat(
        rng.normal(size=2 * groups), 2
    )  # a request's positives share one part, its negatives another
    return (shared + rng.normal(size=4 * groups)) / math.sqrt(2) + labels, labels, group


@pytest.mark.parametrize("groups", [12, 60])
def test_within_coverage_of_a_clustered_auroc(groups: int) -> None:
    """Resampling whole groups should hold the true AUROC about 95 times in 100; single cases should not."""
    rng = np.random.default_rng(1)
    truth = 0.5 * (1 + math.erf(1 / math.sqrt(2) / math.sqrt(2)))  # P(N(1, 2) > 0)
    held, held_by_cases, trials = 0, 0, 400
    for trial in range(trials):
        scores, labels, group = clustered_sample(rng, groups)
        value = auroc(scores, labels)
        draws = auroc_resampled(scores, labels, group, group_weights((groups,), 400, trial))
        interval = within(value, draws, groups)
        held += interval.low <= truth <= interval.high
        cases = np.arange(4 * groups)
        draws = auroc_resampled(scores, labels, cases, group_weights((4 * groups,), 400, trial))
        naive = within(value, draws, 4 * groups)
        held_by_cases += naive.low <= truth <= naive.high
    assert 0.92 <= held / trials <= 0.985
    assert held_by_cases < held


def test_detectable_difference_is_found_four_times_in_five() -> None:
    """A true difference of the size that the table prints should be found in about 80% of experiments."""
    rng = np.random.default_rng(2)
    k, spread = 9, 0.05
    size = (student_quantile(0.975, k - 1) + student_quantile(0.8, k - 1)) * spread / math.sqrt(k)
    values = rng.normal(size, spread, (4000, k)).tolist()
    found = [pooled([part(v, 0.001) for v in row], (-1.0, 1.0)).low > 0 for row in values]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


def test_pairing_narrows_a_difference() -> None:
    """Two methods that err on the same cases should be told apart better on shared resamples."""
    rng = np.random.default_rng(0)
    scores, labels, group = clustered_sample(rng, 60)
    close = scores + rng.normal(0, 0.1, len(scores)) + 0.1 * labels
    shared, other = group_weights((60,), 500, 0), group_weights((60,), 500, 1)
    draws = auroc_resampled(close, labels, group, shared)
    paired = np.std(draws - auroc_resampled(scores, labels, group, shared))
    assert paired < 0.5 * np.std(draws - auroc_resampled(scores, labels, group, other))
