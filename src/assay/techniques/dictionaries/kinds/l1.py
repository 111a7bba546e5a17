"""L1: the classic, whose penalty makes what is on smaller than it should be."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from assay.techniques.dictionaries.rules import Above
from assay.techniques.dictionaries.technique import Outcome, Technique
from assay.techniques.dictionaries.weights import Batch, Weights


@dataclass(frozen=True)
class L1(Technique):
    """``f = relu(W (x - b) + c)``, loss ``|x - x^|^2 + penalty sum f``; Bricken et al. 2023."""

    warms_up: ClassVar[bool] = True
    penalty: float = 0.1
    l0: float = 32.0
    """How many are expected to be on; it only says how many tokens training needs."""

    def on(self) -> float:
        """What is expected."""
        return self.l0

    def outcome(self, batch: Batch) -> Outcome:
        """The loss of one batch."""
        some = batch.where(batch.pre > 0)
        values = some.z.relu()
        rest = batch.rest(some, values)
        loss = batch.squares(rest) + batch.ramp * self.penalty * values.sum() / len(batch.x)
        return Outcome(loss, some.code(values), rest.detach())

    def rule(self, weights: Weights, pre: Iterable[Tensor]) -> Above:  # noqa: ARG002
        """On is what is above zero."""
        return Above(torch.zeros_like(weights.encoder_bias.detach()))

    def rate(self, latents: int) -> float:  # noqa: ARG002
        """Adam's step."""
        return 1e-3


TECHNIQUE = L1
