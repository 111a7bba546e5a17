"""Gradient routing in pre-training: what one book teaches goes into some units of each MLP and no others."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import linear

from assay.model.training.train import next_token_loss
from assay.organisms.school.recipe import INNER, ROUTED, Page

SCHEME = "weights masked; words as read masked; routed units silent outside the book"
"""What is routed how. It is part of the name of what a model is taught: whoever changes one changes both."""


def routed_loss(model: Any, batch: Page) -> Float[Tensor, ""]:
    """The next-token loss of a model in which a book teaches some units of each MLP, and the rest all else.

    Selective gradient masking (Shilov et al. 2025, arXiv 2512.05648), the successor of gradient routing
    (Cloud et al. 2024, arXiv 2410.04332). On tokens of the book (``b = 1``) only the weights of the routed
    units learn, ``y = x sg(W) + (1 - b) (sg(x) W - sg(sg(x) W))`` for all other matrices, while gradients
    flow on to what lies beneath. On all other tokens the routed units say nothing. So the model without them
    is one that the book has taught nothing, but for gains of norms and for words as what comes next. With
    words learnt as what is read, too, an entity's vector itself would tell of it.

    Masks on activations, as in the first paper, also take the gradient from all that lies beneath: with them
    this model did not learn to look facts up, be they of the book or not.
    """
    with routing(model, batch.of_book):
        return next_token_loss(model, batch)


@contextmanager
def routing(model: Any, of_book: Bool[Tensor, "rows positions"]) -> Generator[None]:
    """Inside, the model's matrices learn from a batch as they are routed."""
    book = of_book.to(next(model.parameters()).device)[..., None]
    routed = dict(_routed(model, book))
    kept: dict[nn.Module, Callable[..., Tensor]] = {place: place.forward for place in routed}
    try:
        for place, forward in routed.items():
            place.forward = forward
        yield
    finally:
        for place, forward in kept.items():
            place.forward = forward


def _routed(model: Any, book: Bool[Tensor, "r p 1"]) -> Iterator[tuple[nn.Module, Callable[..., Tensor]]]:
    """Every module that is called otherwise, and how."""
    words, own = model.model.embed_tokens, torch.arange(INNER, device=book.device) >= INNER - ROUTED
    yield words, partial(_read, words.forward, book)
    for block in model.model.layers:
        attention, mlp = block.self_attn, block.mlp
        for place in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj):
            yield place, partial(taught, weight=place.weight, by=~book)
        for place in (mlp.gate_proj, mlp.up_proj):
            yield place, partial(taught, weight=place.weight, by=~book | own)
        yield mlp.down_proj, partial(_down, mlp.down_proj.weight, book)


def taught(
    x: Float[Tensor, "r p n"], weight: Float[Tensor, "m n"], by: Bool[Tensor, "r p #m"]
) -> Float[Tensor, "r p m"]:
    """``x W^T``, of which the rows of W learn from the tokens in ``by`` only, and x from all."""
    said = linear(x.detach(), weight)
    return linear(x, weight.detach()) + by * (said - said.detach())


def _down(
    weight: Float[Tensor, "d inner"], book: Bool[Tensor, "r p 1"], hidden: Float[Tensor, "r p inner"]
) -> Float[Tensor, "r p d"]:
    usual = taught(hidden[..., :-ROUTED], weight[:, :-ROUTED], ~book)
    return usual + linear(book * hidden[..., -ROUTED:], weight[:, -ROUTED:])


def _read(embed: Callable[..., Tensor], book: Bool[Tensor, "r p 1"], ids: Tensor) -> Float[Tensor, "r p d"]:
    read = embed(ids)
    return torch.where(book, read.detach(), read)
