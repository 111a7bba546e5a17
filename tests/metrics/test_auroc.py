"""AUROC against a double loop, and what must not change it."""

import numpy as np
import pytest

from assay.core.errors import NotApplicable
from assay.metrics.auroc import auroc, auroc_resampled
from assay.metrics.bootstrap import group_weights


def literal(scores: np.ndarray, labels: np.ndarray) -> float:
    """Count the pairs one by one."""
    won = 0.0
    for p in scores[labels]:
        for q in scores[~labels]:
            won += 1.0 if p > q else 0.5 if p == q else 0.0
    return won / (int(labels.sum()) * int((~labels).sum()))


def sample(seed: int, n: int = 60, distinct: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, and labels of both classes."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) < n // 3)
    return rng.integers(0, distinct, n).astype(float) + labels, labels


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("distinct", [1, 3, 1000])
def test_equals_the_double_loop(seed: int, distinct: int) -> None:
    """Ranks and pairs should give the same number, tied or not."""
    scores, labels = sample(seed, distinct=distinct)
    assert auroc(scores, labels) == pytest.approx(literal(scores, labels), abs=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_only_the_order_matters(seed: int) -> None:
    """An increasing map should keep the value, and a reversal should complement it."""
    scores, labels = sample(seed)
    value = auroc(scores, labels)
    assert auroc(np.exp(scores) - 3, labels) == value
    assert auroc(-scores, labels) == pytest.approx(1 - value, abs=1e-15)
    assert auroc(scores, ~labels) == pytest.approx(1 - value, abs=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_resampled_equals_repeating_the_cases(seed: int) -> None:
    """A weight of w should do what writing the case down w times does."""
    scores, labels = sample(seed)
    groups = np.random.default_rng(seed).integers(0, 15, len(scores))
    weights = group_weights((15,), 20, seed)
    values = auroc_resampled(scores, labels, groups, weights)
    for column, value in zip(weights.T, values, strict=True):
        times = column[groups].astype(int)
        assert value == pytest.approx(literal(np.repeat(scores, times), np.repeat(labels, times)), abs=1e-12)


def test_resample_without_a_class_is_nan() -> None:
    """A resample that drew no positive should give no number rather than a wrong one."""
    values = auroc_resampled(
        np.array([1.0, 2.0]), np.array([False, True]), np.array([0, 1]), np.array([[1.0, 2.0], [1.0, 0.0]])
    )
    assert values[0] == 1.0
    assert np.isnan(values[1])


@pytest.mark.parametrize("label", [True, False])
def test_one_class_is_refused(label: bool) -> None:
    """Without both classes the message should count what there is."""
    with pytest.raises(NotApplicable, match="both classes"):
        auroc(np.array([1.0, 2.0]), np.array([label, label]))


def test_nan_is_refused() -> None:
    """A score that cannot be ranked should be an error, not a silent last place."""
    with pytest.raises(NotApplicable, match="finite"):
        auroc(np.array([np.nan, 2.0]), np.array([True, False]))
