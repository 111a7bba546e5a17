"""Activations whose true features are known: more of them than dimensions, few on at a time."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from assay.model.reading.store import Activations


@dataclass(frozen=True)
class Superposed:
    """``x = codes @ features + centre``."""

    features: Float[Tensor, "true d"]
    codes: Float[Tensor, "n true"]
    x: Float[Tensor, "n d"]

    @property
    def rows(self) -> Activations:
        """As they come from a store."""
        return Activations(np.ascontiguousarray(self.x.numpy()))


def superposed(
    n: int, d: int = 24, true: int = 36, on: float = 2.0, seed: int = 0, size: float = 1.0
) -> Superposed:
    """Random unit features, each on with probability ``on / true``, by an amount from .5 to 1.5."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.nn.functional.normalize(torch.randn(true, d, generator=generator))
    is_on = torch.rand(n, true, generator=generator) < on / true
    codes = is_on * (0.5 + torch.rand(n, true, generator=generator))
    centre = 0.3 * torch.randn(d, generator=generator)
    return Superposed(features, codes, size * (codes @ features + centre))
