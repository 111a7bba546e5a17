"""LEACE: the least change of rows after which no linear reader can tell a concept.

Belrose et al. 2023, "LEACE: Perfect linear concept erasure in closed form" (arXiv 2306.03819).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.techniques.probes.shrunk_covariance import ledoit_wolf

_NOTHING = 1e-8
"""Share of the largest singular value below which what is left of a matrix is rounding."""


@dataclass(frozen=True, eq=False)
class Eraser:
    """``x - left right (x - to)``: what tells the concept becomes that of ``to``, all else stays."""

    left: Float[Tensor, "d k"]
    right: Float[Tensor, "k d"]
    mean: Float[Tensor, " d"]
    """The mean of the rows that it was fitted on."""

    def erased(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Every row with the concept at its mean."""
        return self.moved(x, self.mean)

    def moved(self, x: Float[Tensor, "n d"], to: Float[Tensor, "*n d"]) -> Float[Tensor, "n d"]:
        """Every row with the concept as ``to`` has it; for the mean of a class, as one of that class."""
        left, right, to = self.left.to(x), self.right.to(x), to.to(x)
        return x - ((x - to) @ right.T) @ left.T


def leace(rows: Float[Tensor, "n d"], classes: Int[Tensor, " n"], shrink: bool = True) -> Eraser:
    """Fit an eraser of classes, numbered from 0, one-hot in ``z``.

        x' = x - W^+ P W (x - mu),    W = Sigma_xx^(-1/2),    P = projector on the columns of W Sigma_xz

    Afterwards all classes have the same mean on these rows, so that no linear predictor beats a constant one,
    with any convex loss. That holds for every invertible W; the one of the true covariance makes the change
    least. ``shrink`` estimates it as Ledoit & Wolf do, for rows that are few beside their dimensions, without
    it W is the pseudo-inverse root of the rows' own covariance. All in float64.

    Raises:
        BadOption: fewer than two classes among the rows, or labels that are not one for each row.

    >>> rows = torch.tensor([[1.0, 0.0], [1.0, 2.0], [-1.0, 0.0], [-1.0, 2.0]])
    >>> leace(rows, torch.tensor([0, 0, 1, 1])).erased(rows).round(decimals=3).abs().tolist()
    [[0.0, 0.0], [0.0, 2.0], [0.0, 0.0], [0.0, 2.0]]
    """
    names, number = classes.unique(return_inverse=True)
    if rows.ndim != 2 or classes.shape != rows.shape[:1] or len(names) < 2:
        raise BadOption(
            f"rows of shape {tuple(rows.shape)} with labels of shape {tuple(classes.shape)} in {len(names)} "
            "classes: give a label for each row, and rows of at least two classes"
        )
    x = rows.cpu().double()
    mean = x.mean(0)
    z = torch.nn.functional.one_hot(number.cpu(), len(names)).double()
    cross = (x - mean).T @ (z - z.mean(0)) / len(x)
    root, unroot = _roots(x - mean, shrink)
    basis, sizes, _ = torch.linalg.svd(root @ cross, full_matrices=False)
    kept = basis[:, sizes > _NOTHING * sizes[0]]
    return Eraser(unroot @ kept, kept.T @ root, mean)


def _roots(centred: Float[Tensor, "n d"], shrink: bool) -> tuple[Float[Tensor, "d d"], Float[Tensor, "d d"]]:
    """``Sigma^(-1/2)`` and ``Sigma^(1/2)``, both zero where there is no variance."""
    if shrink:
        found = ledoit_wolf(centred.numpy())
        vectors, variances = torch.from_numpy(found.vectors), torch.from_numpy(found.variances)
        rest = torch.eye(len(vectors), dtype=torch.double) - vectors @ vectors.T
        # at full rank nothing is left but rounding
        rest = rest * (vectors.shape[1] < len(vectors))
        return (
            (vectors * variances.rsqrt()) @ vectors.T + rest * found.rest**-0.5,
            (vectors * variances.sqrt()) @ vectors.T + rest * found.rest**0.5,
        )
    variances, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    kept = variances > _NOTHING**2 * variances[-1]
    variances, vectors = variances[kept], vectors[:, kept]
    return (vectors * variances.rsqrt()) @ vectors.T, (vectors * variances.sqrt()) @ vectors.T
