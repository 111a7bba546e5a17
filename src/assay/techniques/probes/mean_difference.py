"""The difference of two class means, read as a direction."""

import numpy as np
from jaxtyping import Bool, Float

from assay.techniques.probes.linear import LinearProbe, two_classes


def mean_difference(x: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, " n"]) -> LinearProbe:
    """Point from the mean of the false rows to the mean of the true rows, with zero half-way.

    ``w = mean(x | true) - mean(x | false)``; the offset puts the midpoint of the two means at 0.
    Marks & Tegmark, "The Geometry of Truth" (arXiv 2310.06824) call it the mass-mean direction. Cost: one
    pass.

    >>> probe = mean_difference(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([False, True]))
    >>> probe.direction, probe.scores(np.array([[1.0, 5.0]]))
    (array([2., 0.]), array([0.]))
    """
    alarming, harmless = two_classes(x, labels)
    high, low = alarming.mean(axis=0), harmless.mean(axis=0)
    direction = high - low
    return LinearProbe(direction, float(-direction @ (high + low) / 2))
