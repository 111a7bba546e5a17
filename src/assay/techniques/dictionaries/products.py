"""Products with the few latents that are on, forward and backward, at the price of those alone.

With ``e`` places of ``n F`` a product costs ``2 e d`` operations instead of ``2 n F d``; only the encoder's
first product, which decides what is on, stays dense.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.techniques.dictionaries.entries import Entries


def decoded(
    values: Float[Tensor, " e"], decoder: Float[Tensor, "latent d"], places: Entries
) -> Float[Tensor, "n d"]:
    """``values @ decoder``, row by row over what is on; gradients go to both."""
    return _Decoded.apply(values, decoder, places)  # pyright: ignore[reportReturnType] - torch leaves it open


def picked(
    pre: Float[Tensor, "n latent"],
    x: Float[Tensor, "n d"],
    encoder: Float[Tensor, "latent d"],
    bias: Float[Tensor, " latent"],
    centre: Float[Tensor, " d"],
    places: Entries,
) -> Float[Tensor, " e"]:
    """Pre-activations at some places, of ``pre = (x - centre) @ encoder.T + bias`` that is already computed.

    Gradients go to encoder, bias and centre, not to ``x``.
    """
    return _Picked.apply(pre, x, encoder, bias, centre, places)  # pyright: ignore[reportReturnType]


class _Decoded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, decoder: Tensor, places: Entries) -> Tensor:
        ctx.save_for_backward(values, decoder)
        ctx.places = places
        return weighted_sums(places.starts, places.latents, values, decoder)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), (values, decoder), places = grads, ctx.saved_tensors, ctx.places
        grad = grad.contiguous()
        to_values = _products(grad, decoder, places) if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return to_values, None, None
        order, turned = places.turned
        return to_values, weighted_sums(turned.starts, turned.latents, values[order], grad), None


class _Picked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pre: Tensor,
        x: Tensor,
        encoder: Tensor,
        bias: Tensor,  # noqa: ARG004 - given for its gradient
        centre: Tensor,
        places: Entries,
    ) -> Tensor:
        ctx.save_for_backward(x, encoder, centre)
        ctx.places = places
        return pre[places.rows, places.latents]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), (x, encoder, centre), places = grads, ctx.saved_tensors, ctx.places
        order, turned = places.turned
        to_bias = grad.new_zeros(places.width).index_add_(0, places.latents, grad)
        # sum of g (x - centre) over places, without the centred copy of x
        to_encoder = weighted_sums(turned.starts, turned.latents, grad[order], x)
        to_encoder.addmm_(to_bias[:, None], centre[None], alpha=-1)
        return None, None, to_encoder, to_bias, -(to_bias @ encoder), None


def weighted_sums(
    starts: Int[Tensor, " n+1"],
    numbers: Int[Tensor, " e"],
    weights: Float[Tensor, " e"],
    rows: Float[Tensor, "m d"],
) -> Float[Tensor, "n d"]:
    """Sum ``i`` is that of ``weights[j] * rows[numbers[j]]`` for j from ``starts[i]`` to ``starts[i + 1]``.

    >>> rows = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> weighted_sums(torch.tensor([0, 2, 2]), torch.tensor([0, 1]), torch.tensor([2.0, 3.0]), rows).tolist()
    [[2.0, 3.0], [0.0, 0.0]]
    """
    return torch.nn.functional.embedding_bag(
        numbers, rows, starts, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


def _products(left: Float[Tensor, "n d"], right: Float[Tensor, "latent d"], places: Entries) -> Tensor:
    """``left[row] . right[latent]`` at each place."""
    # the gradient of embedding_bag to its weights is just this, without a gathered copy of either side
    return torch.ops.aten._embedding_bag_per_sample_weights_backward(
        left, right, places.latents, places.starts[:-1], places.rows, 0, -1
    )
