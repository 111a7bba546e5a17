"""A linear probe: one direction and one offset."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from assay.core.errors import BadOption


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """Scores an activation by ``direction . x + offset``; above 0 means closer to the alarming class.

    >>> LinearProbe(np.array([1.0, 0.0]), -1.0).scores(np.array([[3.0, 9.0]]))
    array([2.])
    """

    direction: Float[np.ndarray, " d"]
    offset: float

    def scores(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """One number for each row, in units of the direction's length times the activation's."""
        return np.asarray(x, dtype=np.float64) @ self.direction + self.offset


def two_classes(
    x: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "p d"], Float[np.ndarray, "q d"]]:
    """Split rows into (labelled true, labelled false), in double precision.

    Raises:
        BadOption: if the shapes disagree, a value is not finite, or one of the classes is empty.
    """
    x, labels = np.asarray(x, dtype=np.float64), np.asarray(labels, dtype=bool)
    if x.ndim != 2 or labels.shape != (len(x),):
        raise BadOption(
            f"a probe needs rows of features and one label each; got {x.shape} and {labels.shape}"
        )
    if labels.all() or not labels.any():
        raise BadOption(f"a probe needs examples of both classes; all {len(x)} labels are the same")
    finite_rows(x)
    return x[labels], x[~labels]


def finite_rows(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Return the rows in double precision; raise ``BadOption`` if there are none or one is not finite."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or not len(x):
        raise BadOption(f"a probe needs at least one row of features; got an array of shape {x.shape}")
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x).all(axis=1)).sum())
        raise BadOption(f"{bad} of {len(x)} rows of features hold values that are not finite")
    return x
