"""Norms whose scale counts as a constant in the backward pass."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def frozen_norms(model: nn.Module) -> Generator[None]:
    """Inside, gradients pass every norm as if its scale, the 1/σ of a position, did not depend on the input.

    The forward pass keeps every bit. A norm ``y = w ∘ s(x) P x (+ b)``, with ``P`` the centring of a
    LayerNorm or the identity of an RMSNorm, passes back ``w ∘ s(x) P dx`` without the term from ``ds``.
    """
    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, nn.LayerNorm) or type(module).__name__.endswith("RMSNorm"):
                stack.callback(module.register_forward_hook(_freeze).remove)
        yield


def _freeze(norm: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
    x, y = inputs[0], out.detach()
    news = (x - x.detach()).to(torch.float32)  # zero, but not for gradients
    still = x.detach().to(torch.float32)
    with torch.no_grad():
        if isinstance(norm, nn.LayerNorm):
            weight, bias = norm.weight, norm.bias
            still = still - still.mean(-1, keepdim=True)
        else:
            # families write their weights differently (w, 1 + w); ones come out as the weight itself
            weight, bias = _weight(norm, x), None
        scaled = weight * still
        plain = y - bias if bias is not None else y
        scale = (plain * scaled).sum(-1, keepdim=True) / scaled.square().sum(-1, keepdim=True).clamp_min(
            1e-30
        )
    if isinstance(norm, nn.LayerNorm):
        news = news - news.mean(-1, keepdim=True)
    return y + (scale * weight * news).to(y.dtype)


def _weight(norm: Any, like: Tensor) -> Tensor:
    """What an RMSNorm multiplies with, whatever it calls it: its answer to ones, up to its epsilon."""
    return type(norm).forward(norm, torch.ones(like.shape[-1], dtype=torch.float32, device=like.device))
