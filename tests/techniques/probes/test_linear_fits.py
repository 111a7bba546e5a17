"""Mean difference, LDA and reading vector: literal twins and what each promises."""

import numpy as np
import pytest

from assay.core.errors import BadOption
from assay.techniques.probes import lda, mean_difference, pca_reading, top_pc


def two_clouds(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two correlated clouds that differ in mean."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2 == 0
    mix = rng.standard_normal((d, d)) / np.sqrt(d) + np.eye(d)
    return rng.standard_normal((n, d)) @ mix + labels[:, None] * rng.standard_normal(d), labels


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine between two directions."""
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_mean_difference_equals_its_loop() -> None:
    """The direction is the difference of two running sums, coordinate by coordinate."""
    x, labels = two_clouds(30, 5, 0)
    slow = np.zeros(5)
    for row, label in zip(x, labels, strict=True):
        slow += row / labels.sum() if label else -row / (~labels).sum()
    np.testing.assert_allclose(mean_difference(x, labels).direction, slow)


def test_mean_difference_centres_between_the_means() -> None:
    """The two class means score equally far above and below zero."""
    x, labels = two_clouds(30, 5, 1)
    probe = mean_difference(x, labels)
    high, low = probe.scores(x[labels]).mean(), probe.scores(x[~labels]).mean()
    assert high > 0
    assert high == pytest.approx(-low)


def literal_lda(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Fisher's direction with the Ledoit-Wolf amount, in d x d matrices and loops over rows."""
    high, low = x[labels].mean(0), x[~labels].mean(0)
    centred = np.array([row - (high if label else low) for row, label in zip(x, labels, strict=True)])
    n, d = centred.shape
    sample = sum(np.outer(row, row) for row in centred) / n
    scale = np.trace(sample) / d
    distance = ((sample - scale * np.eye(d)) ** 2).sum()
    noise = sum(((np.outer(row, row) - sample) ** 2).sum() for row in centred) / n**2
    share = min(noise, distance) / distance
    return np.linalg.inv((1 - share) * sample + share * scale * np.eye(d)) @ (high - low)


@pytest.mark.parametrize(("n", "d"), [(60, 8), (12, 40), (20, 20)])
def test_lda_equals_its_literal_twin(n: int, d: int) -> None:
    """With more or fewer rows than features, the factored solution equals the plain matrix inverse."""
    x, labels = two_clouds(n, d, 2)
    np.testing.assert_allclose(lda(x, labels).direction, literal_lda(x, labels), rtol=1e-6)


def test_lda_finds_the_bayes_direction() -> None:
    """With many rows of two Gaussians it comes close to inverse(covariance) times the true step."""
    rng = np.random.default_rng(3)
    labels = np.arange(20_000) % 2 == 0
    covariance = np.array([[4.0, 1.9], [1.9, 1.0]])
    step = np.array([1.0, 0.0])
    x = rng.multivariate_normal(np.zeros(2), covariance, len(labels)) + labels[:, None] * step
    best = np.linalg.solve(covariance, step)
    assert angle(lda(x, labels).direction, best) > 0.999
    assert angle(mean_difference(x, labels).direction, best) < 0.6


def test_lda_without_spread_is_the_mean_difference() -> None:
    """One example a class leaves no spread to correct for."""
    x, labels = np.array([[1.0, 2.0, 0.0], [0.0, 2.0, 5.0]]), np.array([True, False])
    np.testing.assert_allclose(lda(x, labels).direction, mean_difference(x, labels).direction)


def test_reading_vector_equals_the_svd() -> None:
    """The direction is the first right singular vector of the differences, up to its sign."""
    rng = np.random.default_rng(4)
    for n, d in ((20, 6), (5, 30)):
        low, high = rng.standard_normal((n, d)), rng.standard_normal((n, d)) + 1.0
        slow = np.linalg.svd(high - low)[2][0]
        assert abs(angle(pca_reading(low, high).direction, slow)) == pytest.approx(1.0)


def test_reading_vector_survives_a_constant_difference() -> None:
    """Where all pairs differ by the same step, that step is found; centred PCA would find nothing."""
    rng = np.random.default_rng(5)
    step = rng.standard_normal(12)
    low = rng.standard_normal((9, 12))
    assert angle(pca_reading(low, low + step).direction, step) == pytest.approx(1.0)
    assert angle(pca_reading(low + step, low).direction, step) == pytest.approx(-1.0)


def test_reading_vector_of_one_pair_is_its_difference() -> None:
    """With a single pair, PCA has one direction to choose from."""
    low, high = np.array([[0.0, 1.0]]), np.array([[3.0, 5.0]])
    np.testing.assert_allclose(pca_reading(low, high).direction, [0.6, 0.8])


def test_reading_vector_agrees_with_shuffled_centred_pca() -> None:
    """The published procedure (random order in pairs, then centred PCA) finds nearly the same."""
    rng = np.random.default_rng(6)
    step = rng.standard_normal(10)
    low = rng.standard_normal((400, 10)) * 0.3
    high = low + step + rng.standard_normal((400, 10)) * 0.3
    differences = (high - low) * rng.choice([-1.0, 1.0], size=(400, 1))
    published = np.linalg.svd(differences - differences.mean(0))[2][0]
    assert abs(angle(pca_reading(low, high).direction, published)) > 0.999


def test_top_pc_maximises_variance() -> None:
    """No random direction has more variance than the component found, and its longer tail is positive."""
    rng = np.random.default_rng(7)
    x = rng.exponential(size=(200, 6)) * np.array([1.0, 2.0, 3.0, 1.0, 1.0, 5.0])
    probe = top_pc(x)
    unit = probe.direction / np.linalg.norm(probe.direction)
    others = rng.standard_normal((100, 6))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert (x @ unit).var() >= (x @ others.T).var(axis=0).max()
    scores = probe.scores(x)
    assert scores.std() == pytest.approx(1.0)
    assert (scores**3).mean() > 0


def test_probes_refuse_what_cannot_be_fitted() -> None:
    """One class, no rows, wrong shapes and values that are not finite are named as such."""
    x = np.ones((3, 2))
    with pytest.raises(BadOption, match="both classes"):
        mean_difference(x, np.array([True, True, True]))
    with pytest.raises(BadOption, match="one label each"):
        lda(x, np.array([True, False]))
    with pytest.raises(BadOption, match="not finite"):
        mean_difference(np.array([[np.nan], [1.0]]), np.array([True, False]))
    with pytest.raises(BadOption, match="equal shape"):
        pca_reading(x, np.ones((2, 2)))
    with pytest.raises(BadOption, match="at least one row"):
        top_pc(np.zeros((0, 2)))
