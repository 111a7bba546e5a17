"""The leading principal direction."""

import numpy as np
from jaxtyping import Float

from assay.techniques.probes.linear import finite_rows


def leading_direction(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    """Unit vector along which the rows, not centred, have the largest sum of squares; its sign is arbitrary.

    The first right singular vector, through the smaller of ``X'X`` and ``XX'``. Rows that are all zero give
    the first coordinate axis.

    >>> np.abs(leading_direction(np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0]])))
    array([1., 0.])
    """
    rows = finite_rows(x)
    n, d = rows.shape
    if not rows.any():
        return np.eye(d)[0]
    vector = np.linalg.eigh(rows.T @ rows if d <= n else rows @ rows.T)[1][:, -1]
    if d > n:
        vector = rows.T @ vector
    return vector / np.linalg.norm(vector)
