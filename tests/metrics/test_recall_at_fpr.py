"""Thresholds against brute force, and the promise they make."""

import numpy as np
import pytest

from assay.core.errors import NotApplicable
from assay.metrics.bootstrap import group_weights
from assay.metrics.false_positive_rate import false_positive_rate
from assay.metrics.recall_at_fpr import recall_at_fpr, share_above, threshold_at, thresholds_resampled


def brute_force(reference: np.ndarray, fpr: float) -> float:
    """Try every reference score from the smallest up; take the first that keeps the promise."""
    for u in sorted(set(reference.tolist())):
        if sum(1 for s in reference if s > u) <= fpr * len(reference) + 1e-9:
            return float(u)
    raise AssertionError


def reference(seed: int, n: int, distinct: int) -> np.ndarray:
    """Negatives, tied where ``distinct`` is small."""
    return np.random.default_rng(seed).integers(0, distinct, n).astype(float)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("distinct", [1, 5, 60, 10**6])
@pytest.mark.parametrize(("n", "fpr"), [(1000, 0.01), (150, 0.01), (137, 0.05), (100, 0.29)])
def test_threshold_is_the_smallest_that_keeps_the_promise(
    seed: int, distinct: int, n: int, fpr: float
) -> None:
    """The threshold should equal brute force and never alarm more than the promised share."""
    negatives = reference(seed, n, distinct)
    u = threshold_at(negatives, fpr)
    assert u == brute_force(negatives, fpr)
    assert np.mean(negatives > u) <= fpr + 1e-12


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("distinct", [4, 50, 10**6])
def test_resampled_equals_repeating_the_cases(seed: int, distinct: int) -> None:
    """Each resample should get the threshold that its own list of negatives sets."""
    negatives = reference(seed, 300, distinct)
    groups = np.random.default_rng(seed + 9).integers(0, 120, 300)
    weights = group_weights((120,), 40, seed)
    values = thresholds_resampled(negatives, groups, weights, 0.02)
    expected = [brute_force(np.repeat(negatives, w[groups].astype(int)), 0.02) for w in weights.T]
    assert values.tolist() == expected


def test_resampled_looks_as_deep_as_needed() -> None:
    """A resample that dropped all the top negatives should still find its threshold further down."""
    negatives = np.arange(1000.0)
    weights = np.ones((1000, 1))
    weights[500:] = 0.0
    assert thresholds_resampled(negatives, np.arange(1000), weights, 0.01)[0] == 494.0


def test_share_above_counts_strictly() -> None:
    """A score equal to the threshold should raise no alarm, and no weight should give no number."""
    weights = np.array([[1.0, 3.0, 0.0], [1.0, 1.0, 0.0]])
    values = share_above(np.array([2.0, 1.0]), np.array([0, 1]), weights, np.array([1.0, 1.0, 1.0]))
    assert values[:2].tolist() == [0.5, 0.75]
    assert np.isnan(values[2])


def test_constant_scores_raise_no_alarm() -> None:
    """A monitor that always says the same should have recall 0 and no false alarm."""
    score = recall_at_fpr(np.ones(5), np.ones(1000))
    assert (score.estimate, score.low, score.n) == (0.0, 0.0, 5)
    assert false_positive_rate(np.ones(7), threshold_at(np.ones(1000), 0.01)).estimate == 0.0


def test_recall_and_false_positive_rate() -> None:
    """Both should be plain shares above the threshold, each with its own sample."""
    recall = recall_at_fpr(np.array([5.0, 991.0, 2000.0]), np.arange(1000.0), 0.01)
    assert recall.metric == "recall_at_1pct_fpr"
    assert recall.estimate == pytest.approx(2 / 3)
    rate = false_positive_rate(np.arange(0.0, 1000.0, 2.0), threshold_at(np.arange(1000.0), 0.01))
    assert (rate.estimate, rate.n, rate.better) == (5 / 500, 500, "lower")


def test_too_few_negatives_cannot_promise() -> None:
    """With 99 negatives one per cent cannot be resolved; the message should say how many are needed."""
    with pytest.raises(NotApplicable, match="at least 100"):
        threshold_at(np.arange(99.0), 0.01)


def test_empty_samples_are_refused() -> None:
    """No positives and no negatives should each be an error with a reason."""
    with pytest.raises(NotApplicable, match="positive"):
        recall_at_fpr(np.array([]), np.arange(1000.0))
    with pytest.raises(NotApplicable, match="negative"):
        false_positive_rate(np.array([]), 0.0)
    with pytest.raises(NotApplicable, match="finite"):
        threshold_at(np.full(1000, np.nan), 0.01)
