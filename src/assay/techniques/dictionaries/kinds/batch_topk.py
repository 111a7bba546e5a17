"""BatchTopK: rows share what is kept, so that a hard one may have more latents than an easy one."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from assay.techniques.dictionaries.rules import Above
from assay.techniques.dictionaries.selection import batch_top_k
from assay.techniques.dictionaries.technique import Outcome, Technique, kept
from assay.techniques.dictionaries.weights import Batch, Weights


@dataclass(frozen=True)
class BatchTopK(Technique):
    """``f``: the ``k n`` largest of a batch of ``n`` rows; Bussmann et al. 2024, arXiv 2412.06410.

    Afterwards a row stands alone, and a threshold decides: how many are then on is measured, not assumed.
    """

    k: int = 32

    def on(self) -> float:
        """``k`` on average."""
        return self.k

    def outcome(self, batch: Batch) -> Outcome:
        """The loss of one batch."""
        return kept(batch, batch.at(batch_top_k(batch.pre, self.k)))

    def rule(self, weights: Weights, pre: Iterable[Tensor]) -> Above:
        """One threshold for all latents: the smallest that a batch keeps, on average."""
        return common_threshold(self.k, weights, pre)


def common_threshold(k: int, weights: Weights, pre: Iterable[Float[Tensor, "n latent"]]) -> Above:
    """The mean over batches of the ``k n``-th largest pre-activation, for every latent.

    The papers' moving average over the steps of training lags behind where these are few; with the weights
    at rest a few batches say more.
    """
    least = [float(one.flatten().topk(k * len(one), sorted=False).values.min()) for one in pre]
    mean = max(sum(least) / len(least), 0.0)
    return Above(torch.full_like(weights.encoder_bias.detach(), mean))


TECHNIQUE = BatchTopK
