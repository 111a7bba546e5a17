"""Calibration error, Brier score, Platt's curve and the scale of ordinary chat."""

import numpy as np
import pytest

from assay.core.errors import NotApplicable
from assay.metrics.bootstrap import group_weights
from assay.metrics.calibration import (
    brier,
    calibration_error,
    calibration_error_resampled,
    equal_mass_bins,
    fit_platt,
    standardise,
)


def literal_error(stated: np.ndarray, happened: np.ndarray, at: np.ndarray) -> float:
    """Sum over bins of the bin's share times the gap between its two means."""
    total = 0.0
    for b in set(at.tolist()):
        inside = at == b
        total += inside.mean() * abs(happened[inside].mean() - stated[inside].mean())
    return float(total)


def sample(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with ties, and outcomes that follow them."""
    rng = np.random.default_rng(seed)
    stated = np.round(rng.random(n), 2)
    return stated, rng.random(n) < stated


@pytest.mark.parametrize("seed", range(3))
def test_error_equals_the_sum_over_bins(seed: int) -> None:
    """The vectorised sum should equal the formula, written out."""
    stated, happened = sample(seed)
    expected = literal_error(stated, happened, equal_mass_bins(stated, 10))
    assert calibration_error(stated, happened) == pytest.approx(expected, abs=1e-12)


def test_resampled_equals_repeating_the_cases() -> None:
    """A weight of w should do what writing the case down w times does, in the bins of the whole sample."""
    stated, happened = sample(1, 80)
    groups = np.arange(80) // 4
    at = equal_mass_bins(stated, 10)
    weights = group_weights((20,), 10, seed=0)
    values = calibration_error_resampled(stated, happened, groups, weights)
    for w, value in zip(weights.T, values, strict=True):
        times = w[groups].astype(int)
        expected = literal_error(np.repeat(stated, times), np.repeat(happened, times), np.repeat(at, times))
        assert value == pytest.approx(expected, abs=1e-12)


def test_error_separates_honest_from_bold() -> None:
    """Probabilities that outcomes follow should score near 0, those pushed to the ends far from it."""
    stated, happened = sample(2, 4000)
    assert calibration_error(stated, happened) < 0.05
    assert calibration_error((stated > 0.5).astype(float), happened) > 0.2


@pytest.mark.parametrize(("n", "bins"), [(100, 10), (101, 10), (7, 3)])
def test_bins_have_equal_mass(n: int, bins: int) -> None:
    """Without ties no two bins should differ by more than one case, in any order of the cases."""
    at = equal_mass_bins(np.random.default_rng(0).random(n), bins)
    counts = np.bincount(at, minlength=bins)
    assert counts.max() - counts.min() <= 1


def test_ties_share_a_bin() -> None:
    """Equal probabilities should never be split, whatever their order."""
    stated = np.array([0.2, 0.7, 0.2, 0.2, 0.7, 0.9])
    at = equal_mass_bins(stated, 4)
    assert all(len(set(at[stated == value].tolist())) == 1 for value in set(stated.tolist()))


def test_brier_is_minimal_at_the_truth() -> None:
    """No constant should beat the share of what happened (the score is proper)."""
    happened = np.arange(10) < 3
    values = [brier(np.full(10, p), happened) for p in np.linspace(0, 1, 101)]
    assert int(np.argmin(values)) == 30


def test_platt_recovers_the_curve_that_made_the_labels() -> None:
    """With many cases the fitted slope and intercept should be those that were used."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=20_000)
    curve = fit_platt(scores, rng.random(20_000) < 1 / (1 + np.exp(-(2 * scores - 1))))
    assert curve.slope == pytest.approx(2, abs=0.1)
    assert curve.intercept == pytest.approx(-1, abs=0.1)


def test_platt_reaches_the_minimum() -> None:
    """At the fitted curve the gradient of the penalised cross entropy should vanish."""
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(size=200), rng.random(200) < 0.3
    curve = fit_platt(scores, labels)
    hits = int(labels.sum())
    target = np.where(labels, (hits + 1) / (hits + 2), 1 / (200 - hits + 2))
    residual = curve.probability(scores) - target
    assert residual.sum() == pytest.approx(0, abs=1e-5)
    assert (residual * scores).sum() + 1e-3 * curve.slope == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_platt_survives_separable_classes(scale: float) -> None:
    """Perfectly separated scores of any size should give finite probabilities in the right order."""
    scores = scale * np.concatenate([np.linspace(-2, -1, 30), np.linspace(1, 2, 30)])
    labels = scores > 0
    stated = fit_platt(scores, labels).probability(scores)
    assert np.isfinite(stated).all()
    assert stated[labels].min() > stated[~labels].max()
    assert stated.min() > 0
    assert stated.max() < 1


def test_platt_on_constant_scores_states_the_base_rate() -> None:
    """Scores that tell nothing should give nearly the share of positives everywhere."""
    stated = fit_platt(np.full(100, 3.0), np.arange(100) < 20).probability(np.array([3.0]))
    assert stated[0] == pytest.approx(0.2, abs=0.02)


def test_platt_needs_both_classes() -> None:
    """One class alone should be refused with its count."""
    with pytest.raises(NotApplicable, match="0 positives, 2 negatives"):
        fit_platt(np.array([1.0, 2.0]), np.array([False, False]))


def test_standardised_scores_do_not_depend_on_the_scale() -> None:
    """An increasing affine map of all scores should leave the standardised ones alone."""
    rng = np.random.default_rng(0)
    scores, chat = rng.normal(size=20), rng.normal(size=500)
    assert standardise(7 * scores - 3, 7 * chat - 3) == pytest.approx(standardise(scores, chat))


def test_standardised_scores_are_z_scores_and_resist_outliers() -> None:
    """On normal chat the scale should be about 1, and one wild score should not move it."""
    chat = np.random.default_rng(0).normal(size=4000)
    wild = np.append(chat, 1e9)
    assert standardise(np.array([2.0]), chat)[0] == pytest.approx(2, abs=0.15)
    assert standardise(np.array([2.0]), wild)[0] == pytest.approx(2, abs=0.15)


def test_standardising_against_constant_chat_is_finite() -> None:
    """Chat whose middle half is constant should not divide by zero; no chat at all is an error."""
    assert np.isfinite(standardise(np.array([1.0]), np.array([0.0] * 9 + [1.0]))).all()
    with pytest.raises(NotApplicable):
        standardise(np.array([1.0]), np.array([]))
