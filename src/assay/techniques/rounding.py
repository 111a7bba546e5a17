"""Coarser weights: what is left of a model when each matrix may hold few values only."""

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change
from assay.model.changing.deltas import Delta, Part


def rounded(weight: Float[Tensor, "out in"], bits: int) -> Float[Tensor, "out in"]:
    """Round to nearest with one step for each row: ``s round(w / s)``, ``s = max|w| / (2^(bits-1) - 1)``.

    The plainest quantisation there is, symmetric and without calibration (as in Dettmers et al. 2022,
    arXiv 2208.07339, before outliers are treated).

    >>> rounded(torch.tensor([[7.0, 2.6, -7.0]]), 4).tolist()
    [[7.0, 3.0, -7.0]]
    """
    most = 2 ** (bits - 1) - 1
    step = weight.abs().amax(1, keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny) / most
    return (weight / step).round().clamp(-most, most) * step


def coarse(handle: WhiteHandle, bits: int) -> WhiteHandle:
    """The handle's model with every matrix rounded."""
    weights = handle.parameters()
    parts: dict[str, tuple[Part, ...]] = {}
    for name in weights:
        weight = weights[name]
        if weight.ndim == 2:
            off = rounded(weight.float(), bits) - weight.float()
            parts[name] = (Part("dense", tuple(weight.shape), (off,)),)
    return handle.changed(Change(deltas=(Delta("", parts, f"rounded to {bits} bits"),)))
