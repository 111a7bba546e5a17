"""Representation misdirection: the states of one subject are sent to one fixed place, all others kept.

Li et al., "The WMDP benchmark: measuring and reducing malicious use with unlearning" (arXiv 2403.03218).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core.errors import BadOption

WRITERS = 3
"""Blocks whose down-projections are trained: that of the states and those right below it."""


def control_vector(width: int, length: float, seed: int) -> Float[Tensor, " d"]:
    """A random direction of a given length whose entries sum to zero: ``length (v - mean v) / |v - mean v|``.

    The paper draws ``v`` from U[0, 1) and does not centre it; three quarters of such a vector's squared
    length lie on the direction (1, ..., 1), which LayerNorm takes away. Centred it passes LayerNorm whole,
    and RMSNorm, which centres nothing, treats both alike; so it is centred whatever the model's norm.

    >>> u = control_vector(64, 5.0, seed=0)
    >>> round(float(u.norm()), 3), abs(round(float(u.sum()), 3))
    (5.0, 0.0)
    """
    if width < 2:
        raise BadOption(f"a stream of width {width} has no direction besides (1, ..., 1); give at least 2")
    drawn = torch.rand(width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    centred = drawn - drawn.mean()
    return (length * centred / centred.norm()).float()


def apart(states: Float[Tensor, "k d"], wanted: Float[Tensor, "*k d"]) -> Float[Tensor, ""]:
    """How far states are from where they should be: ``mean over tokens of |h - w|^2 / d``."""
    return (states - wanted).square().mean()


def usual_length(handle: WhiteHandle, texts: Sequence[str], site: str) -> float:
    """The median length of a site's values over all tokens; first tokens of extreme length move it little."""
    rows = torch.cat(handle.site_activations(texts, site))
    return float(rows.norm(dim=1).median())


def writers(handle: WhiteHandle, block: int) -> tuple[str, ...]:
    """Names of the down-projections that are trained for the states behind a block (from 0), lowest first.

    Raises NotApplicable where the MLP is a mixture of experts.
    """
    blocks = range(max(0, block - WRITERS + 1), block + 1)
    return tuple(handle.weight(f"mlp_hidden.{number}").name for number in blocks)
