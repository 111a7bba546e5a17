"""Simple negative preference optimisation: without a model from before, and for each token alike."""

from jaxtyping import Float, Int
from torch import Tensor

from assay.techniques.unlearning.slackening import slackening


def simnpo(
    sums: Float[Tensor, " n"], counts: Int[Tensor, " n"], beta: float, margin: float = 0.0
) -> Float[Tensor, ""]:
    """``(2/b) mean(-log sigma(b (NLL / tokens - margin)))``, with NLL = -(summed log-probability of a reply).

    Fan et al. 2024, Simplicity prevails (arXiv 2410.07163). Where NPO compares a reply with what it was
    before, this compares its mean loss per token with a margin: what is known best is forgotten first,
    whatever its length. The weight of a reply's gradient, ``2 sigma(b (margin - NLL / tokens)) / tokens``, is
    at most 1 / tokens for a margin of 0.

    Args:
        sums: summed log-probability of each reply's tokens.
        counts: how many tokens that are.
        beta: b, above 0.
        margin: nats per token at which half of the greatest pull is left.

    Raises:
        BadOption: a beta of 0 or less.

    >>> import torch
    >>> simnpo(torch.tensor([0.0, 0.0]), torch.tensor([1, 5]), beta=2.0)
    tensor(0.6931)
    """
    return slackening(-sums / counts.clamp_min(1) - margin, beta)
