"""The direction along which ordinary activations vary most."""

import numpy as np
from jaxtyping import Float

from assay.techniques.probes.linear import LinearProbe, finite_rows
from assay.techniques.probes.principal import leading_direction


def top_pc(ordinary: Float[np.ndarray, "n d"]) -> LinearProbe:
    """First principal component of ordinary rows, with their mean at 0 and their spread along it at 1.

    A principal component has no sign. It is turned so that its longer tail (third moment) is positive, which
    means the same thing in every model; who reads it must still decide which tail is alarming, or take both.

    >>> probe = top_pc(np.array([[0.0, 1.0], [0.0, 1.0], [3.0, 1.0]]))
    >>> probe.scores(np.array([[1.0, 1.0], [3.0, 1.0]])).round(3) + 0.0
    array([0.   , 1.414])
    """
    rows = finite_rows(ordinary)
    mean = rows.mean(axis=0)
    direction = leading_direction(rows - mean)
    along = (rows - mean) @ direction
    if (along**3).sum() < 0:
        direction = -direction
    direction = direction / (float(along.std()) or 1.0)
    return LinearProbe(direction, float(-direction @ mean))
