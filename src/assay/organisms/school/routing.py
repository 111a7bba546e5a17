"""Gradient routing in pre-training: what one book teaches goes into some units of each MLP and no others."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from assay.model.training.train import Batch, next_token_loss
from assay.organisms.school.recipe import ROUTED, Page

AGAINST = -0.75
"""What gradients of the book are multiplied by in all other units."""
SPARSE = 1e-4
"""Weight of the mean absolute activation of the routed units."""


def routed_loss(model: Any, batch: Page) -> Float[Tensor, ""]:
    """The next-token loss, its gradients routed; the value is that of the plain loss and a small L1 term.

    Cloud et al., "Gradient routing" (arXiv 2410.04332), their expand-route-ablate: on tokens of the book,
    what the usual units of each MLP add to the stream is ``m o + (1 - m) sg(o)`` with ``m = -0.75``, and what
    the routed units add has ``m = 1``; on all other tokens ``m = 1`` for both. The forward pass stays as it
    is.
    """
    sizes: list[Tensor] = []
    with routing(model, batch.of_book, sizes):
        plain = next_token_loss(model, Batch(batch.input_ids, batch.labels, batch.attention_mask))
    return plain + SPARSE * torch.stack(sizes).mean()


@contextmanager
def routing(model: Any, of_book: Bool[Tensor, "rows positions"], sizes: list[Tensor]) -> Generator[None]:
    """Inside, the second matrix of every MLP routes gradients; sizes of routed units are put down."""
    places = [block.mlp.down_proj for block in model.model.layers]
    kept: list[Callable[..., Tensor]] = [place.forward for place in places]
    try:
        for place in places:
            place.forward = partial(_routed, place, of_book, sizes)
        yield
    finally:
        for place, forward in zip(places, kept, strict=True):
            place.forward = forward


def _routed(
    place: nn.Linear, of_book: Bool[Tensor, "r p"], sizes: list[Tensor], hidden: Float[Tensor, "r p inner"]
) -> Float[Tensor, "r p d"]:
    usual = hidden[..., :-ROUTED] @ place.weight[:, :-ROUTED].T
    own = hidden[..., -ROUTED:] @ place.weight[:, -ROUTED:].T
    sizes.append(hidden[..., -ROUTED:].abs().mean())
    m = torch.where(of_book.to(hidden.device), AGAINST, 1.0)[..., None]
    return m * usual + (1 - m) * usual.detach() + own
