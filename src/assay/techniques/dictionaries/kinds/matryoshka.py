"""Matryoshka BatchTopK: the first latents have to do alone, so they stay general."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.techniques.dictionaries.kinds.batch_topk import common_threshold
from assay.techniques.dictionaries.products import decoded
from assay.techniques.dictionaries.rules import Above
from assay.techniques.dictionaries.selection import batch_top_k
from assay.techniques.dictionaries.technique import Outcome, Technique, with_dead
from assay.techniques.dictionaries.weights import Batch, Weights


@dataclass(frozen=True)
class Matryoshka(Technique):
    """One global BatchTopK; every prefix of the dictionary reconstructs, and the mean of all losses counts.

    ``loss = mean_g |x - x^_g|^2 + dead / 32`` with ``x^_g`` from the latents of the first ``g`` parts.
    Bussmann et al. 2025, arXiv 2503.17547.
    """

    k: int = 32
    parts: tuple[float, ...] = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 17 / 32)
    """Shares of the dictionary; they add up to 1."""

    def __post_init__(self) -> None:
        if abs(sum(self.parts) - 1) > 1e-6 or min(self.parts) <= 0:
            raise BadOption(f"parts {self.parts} of a dictionary must be positive and add up to 1")

    def on(self) -> float:
        """``k`` on average."""
        return self.k

    def outcome(self, batch: Batch) -> Outcome:
        """The loss of one batch."""
        places = batch_top_k(batch.pre, self.k)
        some, cut = batch.at(places), places.cut(self._bounds(places.width, batch.x.device))
        parts = decoded(some.z, batch.weights.decoder, cut).unflatten(0, (len(batch.x), len(self.parts)))
        rest = batch.x[:, None] - (parts.cumsum(1) + batch.weights.decoder_bias)
        return with_dead(batch, some, rest.pow(2).sum(2).mean(), rest[:, -1])

    def _bounds(self, latents: int, device: torch.device) -> Int[Tensor, " parts-1"]:
        """The latents that the second part begins with, the third, and so on."""
        shares = torch.tensor(self.parts[:-1], dtype=torch.float64)
        return (shares.cumsum(0) * latents).round().long().to(device)

    def rule(self, weights: Weights, pre: Iterable[Tensor]) -> Above:
        """One threshold for all latents: the smallest that a batch keeps, on average."""
        return common_threshold(self.k, weights, pre)


TECHNIQUE = Matryoshka
