"""Random directions: uniform, judged exactly, and the best is the best."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from assay.techniques.probes import SIDES, auroc_of_each, random_probes, sided, unit_directions


def test_directions_are_unit_uniform_and_seeded() -> None:
    """Lengths are 1, the mean is near 0, and a seed always draws the same."""
    drawn = unit_directions(20_000, 3, seed=1)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1.0)
    assert np.abs(drawn.mean(0)).max() < 0.02
    np.testing.assert_allclose((drawn**2).mean(0), 1 / 3, atol=0.02)
    assert np.array_equal(drawn, unit_directions(20_000, 3, seed=1))


def test_auroc_equals_counting_pairs() -> None:
    """Each column's area is the share of (true, false) pairs in the right order, ties at half."""
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 5, (30, 4)).astype(float), rng.random(30) < 0.4
    for column, area in zip(scores.T, auroc_of_each(scores, labels), strict=True):
        pairs = [(h > low) + 0.5 * (h == low) for h in column[labels] for low in column[~labels]]
        assert area == pytest.approx(np.mean(pairs))
        assert area == pytest.approx(roc_auc_score(labels, column))


def test_best_beats_all_and_median_splits_the_field() -> None:
    """No direction of the draw ranks better than the best with either sign; half rank below the median."""
    rng = np.random.default_rng(2)
    x, labels = rng.standard_normal((60, 8)), np.arange(60) % 2 == 0
    best, median = random_probes(x, labels, count=101, seed=3)
    field = auroc_of_each(x @ unit_directions(101, 8, seed=3).T, labels)
    top = auroc_of_each(best.scores(x)[:, None], labels)[0]
    assert top == pytest.approx(max(field.max(), 1 - field.min()))
    middle = auroc_of_each(median.scores(x)[:, None], labels)[0]
    assert (field <= middle).sum() >= 51
    assert (field >= middle).sum() >= 51


def test_sides() -> None:
    """High keeps the order, low reverses it, either ranks by distance from the centre."""
    values = np.array([2.0, 4.0, 9.0])
    order = {side: np.argsort(sided(values, 5.0, side)).tolist() for side in SIDES}
    assert order == {"high": [0, 1, 2], "low": [2, 1, 0], "either": [1, 0, 2]}
