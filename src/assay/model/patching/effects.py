"""What is measured on the logits at the last position of each text."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

Effect = Callable[[Float[Tensor, "n vocabulary"]], Float[Tensor, " n"]]
"""Logits at the last position of each text -> one number per text."""


def logit_difference(right: Int[Tensor, " n"], wrong: Int[Tensor, " n"]) -> Effect:
    """``logit(right) - logit(wrong)``: how much the model prefers one next token to another, in nats.

    >>> logit_difference(torch.tensor([0]), torch.tensor([1]))(torch.tensor([[3.0, 1.0]])).tolist()
    [2.0]
    """
    return lambda logits: _at(logits, right) - _at(logits, wrong)


def probability(token: Int[Tensor, " n"]) -> Effect:
    """``softmax(logits)[token]``."""
    return lambda logits: _at(logits.softmax(-1), token)


def divergence(before: Float[Tensor, "n vocabulary"]) -> Effect:
    """``KL(p || q) = Σ p (log p - log q)`` in nats, from ``p``, the prediction before, to that after."""
    logp = before.log_softmax(-1)
    return lambda logits: (logp.exp() * (logp - logits.log_softmax(-1))).sum(-1)


def _at(values: Float[Tensor, "n vocabulary"], token: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    return values[torch.arange(len(values), device=values.device), token.to(values.device)]
