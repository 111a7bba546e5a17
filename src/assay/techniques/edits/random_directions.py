"""Changes of rank one that are as large as others and say nothing."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def same_norms(
    left: Float[Tensor, "out n"], right: Float[Tensor, "n m"], seeds: Sequence[int]
) -> tuple[Float[Tensor, "out n"], Float[Tensor, "n m"]]:
    """Factors ``u w^T`` of the Frobenius norms of ``left[:, i] right[i]``, both directions drawn by seeds.

    >>> u, w = same_norms(torch.ones(4, 1), 2 * torch.ones(1, 9), [0])
    >>> round(float((u @ w).norm()), 3)
    12.0
    """
    drawn = [np.random.default_rng(seed) for seed in seeds]
    one = torch.tensor(np.stack([rng.standard_normal(len(left)) for rng in drawn], 1)).to(left)
    two = torch.tensor(np.stack([rng.standard_normal(right.shape[1]) for rng in drawn])).to(right)
    one = one * (left.norm(dim=0) / one.norm(dim=0))
    return one, two * (right.norm(dim=1) / two.norm(dim=1))[:, None]
