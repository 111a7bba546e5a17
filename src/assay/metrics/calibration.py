"""How far stated probabilities are from what happens, and how to state them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from assay.core.errors import NotApplicable


@dataclass(frozen=True)
class Platt:
    """The fitted curve p(s) = 1 / (1 + exp(-(slope s + intercept)))."""

    slope: float
    intercept: float

    def probability(self, scores: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """State a probability for each score.

        >>> Platt(1.0, 0.0).probability(np.array([0.0]))
        array([0.5])
        """
        return _sigmoid(self.slope * scores + self.intercept)


def fit_platt(
    scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"], *, ridge: float = 1e-3
) -> Platt:
    """Fit a logistic curve to scores by Newton steps with backtracking.

    Source: Platt (1999); Lin, Lin and Weng (2007), Machine Learning 68:267. Minimises the cross entropy
    to the targets (P + 1) / (P + 2) for positives and 1 / (N + 2) for negatives, plus ridge slope² / 2.
    Because no target is 0 or 1, the minimum is finite even where the classes are separable. Raises
    ``NotApplicable`` where a class is empty.

    >>> curve = fit_platt(np.array([-1.0, 1.0]), np.array([False, True]))
    >>> curve.slope > 0, abs(curve.intercept) < 1e-6
    (True, True)
    """
    hits = int(labels.sum())
    misses = len(labels) - hits
    if not hits or not misses:
        raise NotApplicable(f"calibration needs both classes; got {hits} positives, {misses} negatives")
    target = np.where(labels, (hits + 1) / (hits + 2), 1 / (misses + 2))
    design = np.stack([scores, np.ones(len(scores))], axis=1)
    penalty = np.diag([ridge, 1e-9])  # the tiny second entry keeps constant scores solvable
    theta = np.array([0.0, np.log((hits + 1) / (misses + 1))])
    loss = _loss(design @ theta, target) + theta @ penalty @ theta / 2
    for _ in range(100):
        p = _sigmoid(design @ theta)
        gradient = design.T @ (p - target) + penalty @ theta
        hessian = (design * (p * (1 - p) + 1e-12)[:, None]).T @ design + penalty
        step = np.linalg.solve(hessian, gradient)
        scale = 1.0
        while scale > 1e-8:
            trial = theta - scale * step
            trial_loss = _loss(design @ trial, target) + trial @ penalty @ trial / 2
            if trial_loss <= loss - 1e-4 * scale * float(gradient @ step):
                break
            scale /= 2
        else:
            break
        theta, loss = trial, trial_loss
        if float(gradient @ step) < 1e-14 * (1 + loss):
            break
    return Platt(float(theta[0]), float(theta[1]))


def standardise(
    scores: Float[np.ndarray, " n"], reference: Float[np.ndarray, " m"]
) -> Float[np.ndarray, " n"]:
    """Put scores on the scale of ordinary chat: (s - median) / (interquartile range / 1.349).

    For normal reference scores this is the z-score. Where the middle half of the reference is constant,
    its standard deviation takes the range's place, and 1 where that is 0 too.

    >>> standardise(np.array([3.0]), np.array([1.0, 1.0, 1.0]))
    array([2.])
    """
    if not len(reference):
        raise NotApplicable("scores can be standardised only against at least one reference score")
    low, middle, high = np.quantile(reference, [0.25, 0.5, 0.75])
    scale = (high - low) / 1.349 or float(reference.std()) or 1.0
    return (scores - middle) / scale


def brier(stated: Float[np.ndarray, " n"], happened: Bool[np.ndarray, " n"]) -> float:
    """Mean squared distance between the stated probability and what happened (Brier 1950).

    >>> brier(np.array([1.0, 0.5]), np.array([True, False]))
    0.125
    """
    return float(np.mean((stated - happened) ** 2))


def calibration_error(
    stated: Float[np.ndarray, " n"], happened: Bool[np.ndarray, " n"], bins: int = 10
) -> float:
    """Expected calibration error over bins of equal mass.

    Source: Naeini, Cooper and Hauskrecht (2015), AAAI; equal mass as in Nixon et al. (2019),
    arXiv:1904.01685. ECE = Σ_b |Σ_{i in b} (happened_i - stated_i)| / n. Biased upwards in small samples:
    even perfect calibration scores about the sum of the bins' standard errors.

    >>> calibration_error(np.array([0.0, 1.0]), np.array([False, True]))
    0.0
    """
    cases = np.arange(len(stated))
    return float(calibration_error_resampled(stated, happened, cases, np.ones((len(stated), 1)), bins)[0])


def calibration_error_resampled(
    stated: Float[np.ndarray, " n"],
    happened: Bool[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    weights: Float[np.ndarray, "groups resamples"],
    bins: int = 10,
) -> Float[np.ndarray, " resamples"]:
    """Calibration error of each resample; the edges of the bins are those of the whole sample.

    >>> calibration_error_resampled(np.array([0.5]), np.array([True]), np.array([0]), np.ones((1, 1)))
    array([0.5])
    """
    bins = min(bins, len(stated))
    gaps = np.zeros((bins, len(weights)))
    np.add.at(gaps, (equal_mass_bins(stated, bins), groups), happened - stated)
    total = np.bincount(groups, minlength=len(weights)) @ weights
    gap = np.abs(gaps @ weights).sum(axis=0)
    return np.divide(gap, total, out=np.full(len(total), np.nan), where=total > 0)


def equal_mass_bins(stated: Float[np.ndarray, " n"], bins: int) -> Int[np.ndarray, " n"]:
    """Assign each case a bin by its midrank, so that equal values share a bin.

    >>> equal_mass_bins(np.array([0.1, 0.9, 0.9, 0.5]), 2)
    array([0, 1, 1, 0])
    """
    ordered = np.sort(stated)
    doubled = np.searchsorted(ordered, stated, "left") + np.searchsorted(ordered, stated, "right")
    return np.minimum((doubled * bins) // (2 * len(stated)), bins - 1)


def _sigmoid(x: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return 0.5 * (1 + np.tanh(x / 2))


def _loss(x: Float[np.ndarray, " n"], target: Float[np.ndarray, " n"]) -> float:
    """Cross entropy between target and sigmoid(x), without overflow."""
    return float(np.sum(np.logaddexp(0.0, x) - target * x))
