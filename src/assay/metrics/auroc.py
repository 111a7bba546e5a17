"""Area under the receiver operating characteristic, exact with ties."""

import numpy as np
from jaxtyping import Bool, Float, Int

from assay.core.errors import NotApplicable


def auroc(scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"]) -> float:
    """Chance that a random positive scores above a random negative; a tie counts one half.

    Source: Mann and Whitney (1947), Ann. Math. Stat. 18:50; Bamber (1975), J. Math. Psych. 12:387.
    AUROC = (sum of the positives' midranks - P (P + 1) / 2) / (P N) for P positives and N negatives.
    Raises ``NotApplicable`` where a class is empty or a score is not finite.

    >>> auroc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    positives, negatives = split_classes(scores, labels)
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, "left") + np.searchsorted(ordered, positives, "right")
    return float(below.sum() / (2 * len(positives) * len(negatives)))


def auroc_resampled(
    scores: Float[np.ndarray, " n"],
    labels: Bool[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    weights: Float[np.ndarray, "groups resamples"],
) -> Float[np.ndarray, " resamples"]:
    """AUROC of each resample, where the cases of group ``g`` count ``weights[g]`` times.

    With A[g, h] the number of pairs (positive of g above negative of h; a tie is half a pair), P[g] and
    N[h] the numbers of positives and negatives, the value is wᵀA w / (P·w)(N·w). A is built once, so a
    resample costs one small matrix product. Sums of half-integers are exact in floating point, so the
    result does not depend on the order of summation. NaN where a resample lacks a class.

    >>> auroc_resampled(np.array([1.0, 2.0]), np.array([False, True]), np.array([0, 1]), np.ones((2, 1)))
    array([1.])
    """
    positives, negatives = split_classes(scores, labels)
    pos_rows, pos_at = np.unique(groups[labels], return_inverse=True)
    neg_rows, neg_at = np.unique(groups[~labels], return_inverse=True)
    pairs = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    by_group = _sum_rows(_sum_rows(pairs, pos_at, len(pos_rows)).T, neg_at, len(neg_rows)).T
    pos_weights, neg_weights = weights[pos_rows], weights[neg_rows]
    won = np.einsum("gr,gr->r", pos_weights, by_group @ neg_weights)
    total = (np.bincount(pos_at) @ pos_weights) * (np.bincount(neg_at) @ neg_weights)
    return np.divide(won, total, out=np.full(len(total), np.nan), where=total > 0)


def split_classes(
    scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " q"]]:
    """Return the scores of positives and of negatives, or say which class is empty."""
    if not np.isfinite(scores).all():
        raise NotApplicable("scores must be finite to be ranked; at least one is NaN or infinite")
    positives, negatives = scores[labels], scores[~labels]
    if not len(positives) or not len(negatives):
        raise NotApplicable(f"needs both classes; got {len(positives)} positives, {len(negatives)} negatives")
    return positives, negatives


def _sum_rows(
    matrix: Float[np.ndarray, "n m"], at: Int[np.ndarray, " n"], rows: int
) -> Float[np.ndarray, "g m"]:
    """Add up the rows that share a group."""
    if rows == len(matrix) and (at == np.arange(rows)).all():
        return matrix
    order = np.argsort(at, kind="stable")
    starts = np.searchsorted(at[order], np.arange(rows))
    return np.add.reduceat(matrix[order], starts, axis=0)
