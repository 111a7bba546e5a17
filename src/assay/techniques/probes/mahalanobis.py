"""Distance to ordinary activations, in units of their own spread."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from assay.techniques.probes.linear import finite_rows
from assay.techniques.probes.shrunk_covariance import ShrunkCovariance, diagonal, ledoit_wolf

Spread = Literal["full", "diagonal"]


@dataclass(frozen=True, eq=False)
class Mahalanobis:
    """A fitted cloud of ordinary rows."""

    mean: Float[np.ndarray, " d"]
    covariance: ShrunkCovariance

    def scores(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Distance of each row from the cloud; 0 at its mean, about ``sqrt(d)`` for an ordinary row."""
        rows = np.asarray(x, dtype=np.float64) - self.mean
        return np.sqrt(self.covariance.squared_distance(rows))


def mahalanobis(ordinary: Float[np.ndarray, "n d"], spread: Spread = "full") -> Mahalanobis:
    """Fit mean and spread of ordinary rows; no labels are used.

    ``score(x) = sqrt((x - mean)' inverse(Sigma) (x - mean))``, Sigma shrunk after Ledoit and Wolf (``full``)
    or cut down to its diagonal. Lee et al., "A simple unified framework for detecting out-of-distribution
    samples" (arXiv 1807.03888).

    >>> cloud = mahalanobis(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    >>> bool(np.isclose(cloud.scores(np.array([[3.0, 0.0]])), cloud.scores(np.array([[0.0, 3.0]])))[0])
    True
    """
    rows = finite_rows(ordinary)
    mean = rows.mean(axis=0)
    return Mahalanobis(mean, (ledoit_wolf if spread == "full" else diagonal)(rows - mean))
