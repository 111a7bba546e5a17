"""A covariance matrix that can always be inverted: shrunk towards a multiple of the identity."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from assay.techniques.probes.linear import finite_rows

SMALLEST = 1e-8
"""Least share of the identity, so that the inverse exists where the formula asks for no shrinkage at all."""


@dataclass(frozen=True, eq=False)
class ShrunkCovariance:
    """``(1 - shrinkage) S + shrinkage * scale * I``, by the eigenvectors of S that carry variance."""

    vectors: Float[np.ndarray, "d rank"]
    variances: Float[np.ndarray, " rank"]
    """Variances after shrinkage, along ``vectors``."""
    rest: float
    """Variance in every direction orthogonal to ``vectors``."""
    shrinkage: float

    def solve(self, rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        """Multiply each row by the inverse covariance."""
        inside = rows @ self.vectors
        return (inside / self.variances) @ self.vectors.T + self._outside(rows, inside) / self.rest

    def squared_distance(self, rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """The quadratic form ``x' inverse x`` of each row x; never negative."""
        inside = rows @ self.vectors
        outside = self._outside(rows, inside)
        return (inside**2 / self.variances).sum(axis=1) + (outside**2).sum(axis=1) / self.rest

    def _outside(
        self, rows: Float[np.ndarray, "n d"], inside: Float[np.ndarray, "n rank"]
    ) -> Float[np.ndarray, "n d"]:
        # At full rank nothing is left over but rounding error, which dividing by `rest` would blow up.
        if self.vectors.shape[1] == self.vectors.shape[0]:
            return np.zeros_like(rows)
        return rows - inside @ self.vectors.T


def ledoit_wolf(centred: Float[np.ndarray, "n d"]) -> ShrunkCovariance:
    """Shrink the covariance of centred rows by the amount that minimises the expected squared error.

    Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (J. Multivariate
    Analysis 88, 2004). With ``S = X'X / n`` and ``scale = trace(S) / d``::

        delta = ||S - scale I||^2 / d        beta = (sum_i ||x_i||^4 / n - ||S||^2) / (n d)
        shrinkage = min(beta, delta) / delta

    Cost: ``n d min(n, d)``; nothing of size d x d is formed where n < d. Rows that are all zero give the
    identity.

    >>> ledoit_wolf(np.array([[1.0, 0.0], [-1.0, 0.0]])).squared_distance(np.array([[1.0, 0.0]])).shape
    (1,)
    """
    x = finite_rows(centred)
    n, d = x.shape
    scale = float((x**2).sum() / (n * d))
    if scale == 0.0:
        return ShrunkCovariance(np.zeros((d, 0)), np.zeros(0), 1.0, 1.0)
    vectors, variances = _eigen(x)
    squared_norm = float((variances**2).sum())
    delta = squared_norm - d * scale**2
    beta = (float(((x**2).sum(axis=1) ** 2).mean()) - squared_norm) / n
    share = min(max(beta, 0.0) / delta, 1.0) if delta > 0 else 1.0
    share = max(share, SMALLEST)
    return ShrunkCovariance(vectors, (1 - share) * variances + share * scale, share * scale, share)


def diagonal(centred: Float[np.ndarray, "n d"]) -> ShrunkCovariance:
    """Keep only each coordinate's own variance, with a floor at one thousandth of their mean.

    >>> diagonal(np.array([[2.0, 1.0], [-2.0, -1.0]])).squared_distance(np.array([[2.0, 1.0]]))
    array([2.])
    """
    x = finite_rows(centred)
    variances = (x**2).mean(axis=0)
    mean = float(variances.mean()) or 1.0
    return ShrunkCovariance(np.eye(x.shape[1]), np.maximum(variances, 1e-3 * mean), mean, 1.0)


def _eigen(x: Float[np.ndarray, "n d"]) -> tuple[Float[np.ndarray, "d rank"], Float[np.ndarray, " rank"]]:
    """Eigenvectors and nonzero eigenvalues of ``X'X / n``, through the smaller of the two products."""
    n, d = x.shape
    values, vectors = np.linalg.eigh((x.T @ x if d <= n else x @ x.T) / n)
    keep = values > 1e-12 * values[-1]
    values, vectors = values[keep], vectors[:, keep]
    if d > n:
        vectors = x.T @ vectors / np.sqrt(n * values)
    return vectors, values
