"""Logistic regression: the same optimum as its twins, for every shape of data."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from assay.techniques.probes import LinearProbe, logistic, logistic_objective


def data(n: int, d: int, seed: int, separable: bool) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features of different scales, with labels that are noisy or perfectly separable."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)) * np.exp(rng.standard_normal(d)) + rng.standard_normal(d)
    score = (x - x.mean(0)) @ rng.standard_normal(d)
    score = score if separable else score + score.std() * rng.standard_normal(n)
    return x, score > np.median(score)


def gradient(x: np.ndarray, labels: np.ndarray, probe: LinearProbe, l2: float) -> np.ndarray:
    """Gradient of the objective at the probe, row by row, in standardised coordinates."""
    mean, spread = x.mean(0), x.std(0)
    w, b = probe.direction * spread, probe.offset + probe.direction @ mean
    total = np.append(l2 * w, 0.0)
    for row, label in zip((x - mean) / spread, labels, strict=True):
        y = 1.0 if label else -1.0
        wrong = 1.0 / (1.0 + np.exp(y * (w @ row + b)))
        total -= y * wrong * np.append(row, 1.0)
    return total


SHAPES = [(60, 5, 1.0), (40, 120, 1.0), (200, 60, 1e-3), (30, 30, 10.0), (900, 350, 0.1), (350, 900, 1.0)]


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize(("n", "d", "l2"), SHAPES)
def test_gradient_vanishes_at_the_solution(n: int, d: int, l2: float, separable: bool) -> None:
    """The objective is convex, so a vanishing gradient proves the optimum."""
    x, labels = data(n, d, 0, separable)
    found = gradient(x, labels, logistic(x, labels, l2), l2)
    assert np.abs(found).max() < 1e-5


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize(("n", "d", "l2"), SHAPES)
def test_objective_is_no_worse_than_scikit_learn(n: int, d: int, l2: float, separable: bool) -> None:
    """A tight run of the reference library never reaches a lower objective."""
    x, labels = data(n, d, 1, separable)
    mean, spread = x.mean(0), x.std(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = LogisticRegression(C=1 / l2, tol=1e-8, max_iter=5000).fit((x - mean) / spread, labels)
    direction = reference.coef_[0] / spread
    theirs = LinearProbe(direction, float(reference.intercept_[0] - direction @ mean))
    ours = logistic(x, labels, l2)
    best = logistic_objective(x, labels, theirs, l2)
    assert logistic_objective(x, labels, ours, l2) <= best * (1 + 1e-9)
    if l2 >= 0.1:
        np.testing.assert_allclose(ours.scores(x), theirs.scores(x), rtol=1e-3, atol=1e-3)


def test_objective_without_standardising() -> None:
    """The objective that is reported is the one that plain gradient descent brings down to the same value."""
    x, labels = data(50, 3, 2, separable=False)
    y = np.where(labels, 1.0, -1.0)
    w, b = np.zeros(3), 0.0
    for _ in range(20_000):
        pull = y / (1 + np.exp(y * (x @ w + b)))
        w, b = w - 0.002 * (2.0 * w - x.T @ pull), b + 0.002 * pull.sum()
    probe = logistic(x, labels, l2=2.0, standardise=False)
    np.testing.assert_allclose(probe.direction, w, atol=1e-5)
    assert probe.offset == pytest.approx(b, abs=1e-4)


@settings(max_examples=30)
@given(
    st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 40), st.sampled_from([1e-6, 1e-2, 1.0, 100.0])
)
def test_any_small_problem_is_solved(seed: int, half: int, d: int, l2: float) -> None:
    """Whatever the shape, the penalty and the labels, the solution is finite and no step improves it."""
    rng = np.random.default_rng(seed)
    x, labels = rng.standard_normal((2 * half, d)), np.arange(2 * half) < half
    probe = logistic(x, labels, l2)
    best = logistic_objective(x, labels, probe, l2)
    assert np.isfinite(best)
    for _ in range(5):
        step = rng.standard_normal(d) * 1e-3
        moved = LinearProbe(probe.direction + step, probe.offset)
        assert logistic_objective(x, labels, moved, l2) >= best * (1 - 1e-9) - 1e-12


def test_duplicated_and_constant_features_do_no_harm() -> None:
    """Copies of a feature share its weight and a constant feature gets none."""
    x, labels = data(80, 3, 3, separable=True)
    wide = np.concatenate([x, x[:, :1], np.full((80, 1), 7.3)], axis=1)
    probe = logistic(wide, labels)
    assert probe.direction[0] == pytest.approx(probe.direction[3])
    assert probe.direction[4] == 0.0


def test_scale_of_a_feature_does_not_matter() -> None:
    """Standardised, the scores are the same in other units."""
    x, labels = data(60, 4, 4, separable=False)
    units = np.array([1.0, 1000.0, 0.001, 5.0])
    np.testing.assert_allclose(logistic(x, labels).scores(x), logistic(x * units, labels).scores(x * units))


def test_heavy_penalty_turns_towards_the_mean_difference() -> None:
    """As the penalty grows the direction becomes the difference of the class means, in standardised units."""
    x, labels = data(60, 6, 5, separable=False)
    spread = x.std(0)
    direction = logistic(x, labels, l2=1e7).direction * spread
    means = (x[labels].mean(0) - x[~labels].mean(0)) / spread
    assert direction @ means / np.linalg.norm(direction) / np.linalg.norm(means) == pytest.approx(1.0)
