"""Logits at some positions only: the unembedding is the dearest matrix of a small model."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from assay.model.body import Body
from assay.model.tokens import Tokens


def logits_at(
    body: Body, tokens: Tokens, rows: Int[Tensor, " k"], positions: Int[Tensor, " k"]
) -> Float[Tensor, "k vocabulary"]:
    """Logits of a pass over right-padded texts at chosen positions only, in float32 or better."""
    with unembedding_only(body.parts.head, rows, positions):
        return wide(body.run(tokens, head=True).logits[0])


@contextmanager
def unembedding_only(
    head: nn.Module, rows: Int[Tensor, " k"], positions: Int[Tensor, " k"]
) -> Generator[None]:
    """Unembed chosen positions only inside: logits have the shape "1 k vocabulary".

    Positions are picked where the unembedding takes its input, so scaling and soft caps of the family apply.
    """

    def pick(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = inputs[0]
        return (hidden[rows.to(hidden.device), positions.to(hidden.device)][None], *inputs[1:])

    hook = head.register_forward_pre_hook(pick)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def last_logits_only(head: nn.Module) -> Generator[None]:
    """Unembed nothing but the last position of each row inside; logits keep the shape "n 1 vocabulary"."""
    hook = head.register_forward_pre_hook(lambda _, inputs: (inputs[0][:, -1:], *inputs[1:]))
    try:
        yield
    finally:
        hook.remove()


def own_logprobs(logits: Float[Tensor, "k vocabulary"], tokens: Int[Tensor, " k"]) -> Float[Tensor, " k"]:
    """``log softmax(logits)[token]``, row by row."""
    return logits.gather(-1, tokens.to(logits.device)[:, None])[:, 0] - logits.logsumexp(-1)


def wide(values: Tensor) -> Tensor:
    """The same in float32, unless they are in double precision: halves are too coarse to compare."""
    return values if values.dtype == torch.float64 else values.float()
