"""Probes on few features: which are chosen, and that nothing else counts."""

import numpy as np
import pytest

from assay.core.errors import BadOption
from assay.techniques.probes import k_sparse, logistic


def made(n: int = 300, d: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features 3 and 7 differ between the classes, the first of them more."""
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    x = rng.standard_normal((n, d))
    x[:, 3] += 2.0 * labels
    x[:, 7] -= 1.0 * labels
    return x, labels


@pytest.mark.parametrize(("k", "chosen"), [(1, {3}), (2, {3, 7})])
def test_the_features_that_differ_most_are_chosen(k: int, chosen: set[int]) -> None:
    """By the gap of class means, computed one feature at a time; a sign does not matter."""
    x, labels = made()
    gaps = {at: abs(float(x[labels, at].mean() - x[~labels, at].mean())) for at in range(12)}
    assert set(sorted(gaps, key=lambda at: -gaps[at])[:k]) == chosen
    assert set(np.flatnonzero(k_sparse(x, labels, k).direction).tolist()) == chosen


def test_on_all_features_it_is_the_dense_probe() -> None:
    """Nothing but the choice sets it apart."""
    x, labels = made()
    dense, sparse = logistic(x, labels), k_sparse(x, labels, 12)
    np.testing.assert_allclose(sparse.direction, dense.direction, rtol=1e-6, atol=1e-9)
    assert sparse.offset == pytest.approx(dense.offset)


def test_other_features_cannot_move_a_score() -> None:
    """Whatever they hold."""
    x, labels = made()
    probe, other = k_sparse(x, labels, 2), x.copy()
    other[:, [0, 1, 2, 4, 5, 6, 8, 9, 10, 11]] = 1e6
    np.testing.assert_array_equal(probe.scores(other), probe.scores(x))


def test_no_features_are_refused() -> None:
    """One clear sentence."""
    with pytest.raises(BadOption, match="give k of 1 or more"):
        k_sparse(*made(), 0)
