"""Shrunk covariance and Mahalanobis distance: literal twins and what each promises."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf as reference

from assay.techniques.probes import ShrunkCovariance, ledoit_wolf, mahalanobis


def dense(covariance: ShrunkCovariance) -> np.ndarray:
    """The covariance as a matrix."""
    v = covariance.vectors
    d, rank = v.shape
    inside = v @ np.diag(covariance.variances) @ v.T
    return inside + (covariance.rest * (np.eye(d) - v @ v.T) if rank < d else 0.0)


@pytest.mark.parametrize(("n", "d"), [(200, 6), (30, 30), (10, 50)])
def test_amount_and_matrix_match_the_reference(n: int, d: int) -> None:
    """Shrinkage and covariance are those of the published estimator."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, d)) * np.linspace(0.2, 3, d)
    matrix, share = reference(x, assume_centered=True)
    ours = ledoit_wolf(x)
    assert ours.shrinkage == pytest.approx(share)
    np.testing.assert_allclose(dense(ours), matrix, atol=1e-10)


@pytest.mark.parametrize(("n", "d"), [(200, 6), (10, 50)])
def test_solve_inverts(n: int, d: int) -> None:
    """Multiplying by the covariance undoes the solve, and the squared distance is its quadratic form."""
    rng = np.random.default_rng(1)
    ours, rows = ledoit_wolf(rng.standard_normal((n, d))), rng.standard_normal((4, d))
    np.testing.assert_allclose(ours.solve(rows) @ dense(ours), rows, atol=1e-8)
    literal = [row @ np.linalg.inv(dense(ours)) @ row for row in rows]
    np.testing.assert_allclose(ours.squared_distance(rows), literal)


def test_shrinking_helps_where_rows_are_few() -> None:
    """With fewer rows than features, the shrunk estimate is nearer to the truth than the sample's."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((15, 40))
    truth = np.eye(40)
    assert np.linalg.norm(dense(ledoit_wolf(x)) - truth) < np.linalg.norm(x.T @ x / 15 - truth)


def test_distance_is_lowest_at_the_mean_and_grows_outwards() -> None:
    """The mean scores 0, and moving away along any ray only raises the distance."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((20, 50)) + 5.0
    cloud = mahalanobis(x)
    assert cloud.scores(x.mean(0)[None])[0] == pytest.approx(0.0, abs=1e-6)
    ray = rng.standard_normal(50)
    far = cloud.scores(x.mean(0) + np.arange(5)[:, None] * ray)
    assert (np.diff(far) > 0).all()


def test_rotation_does_not_matter() -> None:
    """The full distance is the same in any orthogonal basis; the diagonal one is not."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((100, 5)) * np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    np.testing.assert_allclose(mahalanobis(x).scores(x), mahalanobis(x @ turn).scores(x @ turn))
    plain = mahalanobis(x, "diagonal").scores(x)
    assert not np.allclose(plain, mahalanobis(x @ turn, "diagonal").scores(x @ turn))


def test_diagonal_equals_standard_scores() -> None:
    """The diagonal distance is the length of the vector of standard scores."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((60, 4)) * np.array([1.0, 10.0, 3.0, 2.0])
    literal = np.sqrt((((x - x.mean(0)) / x.std(0)) ** 2).sum(axis=1))
    np.testing.assert_allclose(mahalanobis(x, "diagonal").scores(x), literal)


def test_identical_rows_still_give_distances() -> None:
    """Without any spread the distance is Euclidean."""
    cloud = mahalanobis(np.ones((3, 2)))
    assert cloud.scores(np.array([[4.0, 5.0]]))[0] == pytest.approx(5.0)
