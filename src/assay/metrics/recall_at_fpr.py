"""Recall at a promised share of false alarms.

The alarm rule is ``score > u``. The threshold u is the smallest reference score such that at most ``fpr`` of
the reference negatives lie strictly above it. Ties can therefore only lower the number of alarms: never does
more than the promised share of the reference negatives raise one.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from assay.core import Score
from assay.core.errors import NotApplicable
from assay.metrics.proportion import clopper_pearson


def threshold_at(reference: Float[np.ndarray, " n"], fpr: float) -> float:
    """Threshold u for the rule ``score > u``, set on reference negatives.

    In descending order u is the reference score at position floor(fpr n), counted from 0. Raises
    ``NotApplicable`` where fpr n < 1: so few negatives cannot resolve the promise.

    >>> threshold_at(np.arange(200.0), 0.01)
    197.0
    """
    allowed = _allowed(reference, fpr)
    return float(np.partition(reference, -1 - allowed)[-1 - allowed])


def thresholds_resampled(
    reference: Float[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    weights: Float[np.ndarray, "groups resamples"],
    fpr: float,
) -> Float[np.ndarray, " resamples"]:
    """``threshold_at`` of each resample, where the cases of group ``g`` count ``weights[g]`` times.

    >>> thresholds_resampled(np.arange(200.0), np.arange(200), np.ones((200, 2)), 0.01)
    array([197., 197.])
    """
    depth = 4 * (_allowed(reference, fpr) + 8)
    order = np.argsort(-reference, kind="stable")
    limit = fpr * (np.bincount(groups, minlength=len(weights)) @ weights) + 1e-9
    while True:  # only the top of the list matters; look deeper in the rare case that it does not suffice
        top = order[:depth]
        counted = weights[groups[top]]
        cumulated = np.cumsum(counted, axis=0)
        if depth >= len(order) or (cumulated[-1] > limit).all():
            break
        depth *= 2
    first_of_tie = np.searchsorted(-reference[top], -reference[top], side="left")
    above = np.vstack([np.zeros_like(limit), cumulated])[first_of_tie]
    allowed = (above <= limit) & (counted > 0)
    last = len(top) - 1 - np.argmax(allowed[::-1], axis=0)
    return np.where(allowed.any(axis=0), reference[top][last], np.nan)


def share_above(
    scores: Float[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    weights: Float[np.ndarray, "groups resamples"],
    thresholds: Float[np.ndarray, " resamples"],
) -> Float[np.ndarray, " resamples"]:
    """Weighted share of the scores that lie strictly above each resample's threshold; NaN without weight.

    >>> share_above(np.array([1.0, 3.0]), np.array([0, 1]), np.ones((2, 1)), np.array([2.0]))
    array([0.5])
    """
    counted = weights[groups]
    hits = np.einsum("nr,nr->r", counted, (scores[:, None] > thresholds).astype(counted.dtype))
    total = counted.sum(axis=0)
    return np.divide(hits, total, out=np.full(len(total), np.nan), where=total > 0)


def recall_at_fpr(
    positives: Float[np.ndarray, " p"], reference: Float[np.ndarray, " n"], fpr: float = 0.01
) -> Score:
    """Share of positives above the threshold that ``fpr`` of the reference negatives set.

    The interval (Clopper and Pearson) takes the threshold and independent cases as given; the table's
    bootstrap resamples both positives and reference.

    >>> recall_at_fpr(np.array([150.0, 199.0]), np.arange(200.0)).estimate
    0.5
    """
    if not len(positives):
        raise NotApplicable("recall needs at least one positive")
    hits = int((positives > threshold_at(reference, fpr)).sum())
    low, high = clopper_pearson(hits, len(positives))
    name = f"recall_at_{100 * fpr:g}pct_fpr"
    return Score(name, hits / len(positives), low, high, n=len(positives), unit="share", better="higher")


def _allowed(reference: Float[np.ndarray, " n"], fpr: float) -> int:
    """Number of reference negatives that may raise an alarm; at least one."""
    if not np.isfinite(reference).all():
        raise NotApplicable("scores must be finite to set a threshold; at least one is NaN or infinite")
    allowed = math.floor(fpr * len(reference) + 1e-9)
    if allowed < 1:
        raise NotApplicable(
            f"a false-alarm rate of {fpr:g} needs at least {math.ceil(1 / fpr)} reference negatives; "
            f"got {len(reference)}"
        )
    return allowed
