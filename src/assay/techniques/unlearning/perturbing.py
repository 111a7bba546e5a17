"""Weights moved towards a fresh start, or moved at random: what is stored in them is washed out."""

from collections.abc import Mapping

import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.core.seed import derive

Weights = Mapping[str, Tensor]


def perturbed(weights: Weights, share: float, scale: float, seed: int) -> dict[str, Tensor]:
    """Every matrix shrunk, and noise put in the place of what is gone; vectors, such as norms' gains, stay.

    Lee et al., "Distillation robustifies unlearning" (arXiv 2506.06278), after the shrink-and-perturb of Ash
    and Adams, "On warm-starting neural network training" (arXiv 1910.08475): ``W' = (1 - a) W + a b N``, with
    a the share, b the scale, and N a fresh draw. The paper draws N as its models are initialised; here it is
    normal with the standard deviation of W itself, which asks for no knowledge of how that was.

    Raises:
        BadOption: a share outside 0 to 1.

    >>> after = perturbed({"w": torch.ones(2, 2), "gain": torch.ones(2)}, 0.5, 1.0, seed=0)
    >>> after["w"].tolist(), after["gain"].tolist()
    ([[0.5, 0.5], [0.5, 0.5]], [1.0, 1.0])
    """
    if not 0 <= share <= 1:
        raise BadOption(f"a share of {share} cannot be taken; give one from 0 to 1")
    fresh = noise_like(weights, seed)
    return {
        name: (1 - share) * weight + share * scale * fresh[name] if name in fresh else weight
        for name, weight in weights.items()
    }


def noise_like(weights: Weights, seed: int) -> dict[str, Tensor]:
    """For every matrix, normal noise of its entries' standard deviation, drawn by its name and a seed."""
    found: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.ndim < 2:
            continue
        draw = torch.Generator().manual_seed(derive("noise", name, seed))
        rows = torch.randn(weight.shape, generator=draw)
        found[name] = rows.to(weight) * weight.float().std().to(weight.dtype)
    return found


def between_them(before: Weights, after: Weights, share: float) -> dict[str, Tensor]:
    """A point on the way from some weights to others: ``w + s (w' - w)``; 0 gives the first, 1 the second.

    >>> between_them({"w": torch.zeros(1)}, {"w": torch.ones(1)}, 0.25)["w"].tolist()
    [0.25]
    """
    return {name: torch.lerp(weight, after[name], share) for name, weight in before.items()}
