"""TopK: the k largest latents of each row, and nothing that shrinks them."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from assay.techniques.dictionaries.rules import KeepLargest
from assay.techniques.dictionaries.selection import top_k
from assay.techniques.dictionaries.technique import Outcome, Technique, kept
from assay.techniques.dictionaries.weights import Batch, Weights


@dataclass(frozen=True)
class TopK(Technique):
    """``f = top_k(relu(W (x - b) + c))``, loss ``|x - x^|^2 + dead / 32``; Gao et al., arXiv 2406.04093."""

    k: int = 32

    def on(self) -> float:
        """At most ``k``."""
        return self.k

    def outcome(self, batch: Batch) -> Outcome:
        """The loss of one batch."""
        return kept(batch, batch.at(top_k(batch.pre, self.k)))

    def rule(self, weights: Weights, pre: Iterable[Tensor]) -> KeepLargest:  # noqa: ARG002
        """The same as in training."""
        return KeepLargest(self.k)


TECHNIQUE = TopK
