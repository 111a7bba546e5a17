"""Gated: whether a latent is on and how much are told apart, so that the penalty shrinks only the former."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from assay.techniques.dictionaries.rules import Gate
from assay.techniques.dictionaries.technique import Outcome, Technique
from assay.techniques.dictionaries.weights import Batch, Weights


@dataclass(frozen=True)
class Gated(Technique):
    """``z = W (x - b) + c``, ``f = 1[z > 0] relu(exp(r) W (x - b) + m)``.

    ``loss = |x - x^|^2 + penalty sum relu(z) + |x - (relu(z) D + b)|^2``, in the last term with decoder and
    its bias held still: it teaches the gate. Rajamanoharan et al. 2024, arXiv 2404.16014.
    """

    betas: ClassVar[tuple[float, float]] = (0.0, 0.999)
    warms_up: ClassVar[bool] = True
    penalty: float = 0.1
    l0: float = 32.0
    """How many are expected to be on; it only says how many tokens training needs."""

    def on(self) -> float:
        """What is expected."""
        return self.l0

    def own(self, latents: int) -> dict[str, Tensor]:
        """Gain ``r`` and bias ``m`` of the amount."""
        return {"gain": torch.zeros(latents), "bias": torch.zeros(latents)}

    def outcome(self, batch: Batch) -> Outcome:
        """The loss of one batch."""
        w, n = batch.weights, len(batch.x)
        some = batch.where(batch.pre > 0)
        bare = some.z - some.of(w.encoder_bias)
        values = (some.z > 0) * (some.of(w.own["gain"]).exp() * bare + some.of(w.own["bias"])).relu()
        rest = batch.rest(some, values)
        gate = some.z.relu()
        by_gate = some.decoded(gate, w.decoder.detach()) + w.decoder_bias.detach()
        loss = (
            batch.squares(rest)
            + batch.ramp * self.penalty * gate.sum() / n
            + batch.squares(batch.x - by_gate)
        )
        return Outcome(loss, some.code(values), rest.detach())

    def rule(self, weights: Weights, pre: Iterable[Tensor]) -> Gate:  # noqa: ARG002
        """The gate and the amount that were learnt."""
        gain, bias = (weights.own[name].detach().clone() for name in ("gain", "bias"))
        return Gate(gain, weights.encoder_bias.detach().clone(), bias)

    def rate(self, latents: int) -> float:  # noqa: ARG002
        """Adam's step."""
        return 5e-5


TECHNIQUE = Gated
