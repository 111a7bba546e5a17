"""Which end of a scale is alarming."""

from typing import Literal

import numpy as np
from jaxtyping import Float

Side = Literal["high", "low", "either"]
SIDES: tuple[Side, ...] = ("high", "low", "either")
"""The values that a setting may take where a measure has no natural sign."""


def sided(values: Float[np.ndarray, " n"], centre: float, side: Side) -> Float[np.ndarray, " n"]:
    """Turn a measure into an alarm: high values, low values, or values far from the centre.

    >>> sided(np.array([1.0, 5.0]), 4.0, "low"), sided(np.array([1.0, 5.0]), 4.0, "either")
    (array([-1., -5.]), array([3., 1.]))
    """
    if side == "either":
        return np.abs(values - centre)
    return values if side == "high" else -values
