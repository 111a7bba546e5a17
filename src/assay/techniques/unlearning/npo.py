"""Negative preference optimisation: gradient ascent that slackens on what is forgotten already."""

from jaxtyping import Float
from torch import Tensor

from assay.techniques.unlearning.slackening import slackening


def npo(now: Float[Tensor, " n"], before: Float[Tensor, " n"], beta: float) -> Float[Tensor, ""]:
    """``(2/b) mean(-log sigma(b (NLL - NLL_before)))``, with NLL = -(summed log-probability of a reply).

    Zhang et al. 2024, Negative preference optimization (arXiv 2404.05868). Its gradient is that of ascent,
    ``mean(-NLL)``, with a weight for each reply, ``2 sigma(b (NLL_before - NLL))``: 1 where nothing has
    changed, less and in the end 0 the more is forgotten, up to 2 for a reply that has become likelier. As b
    goes to 0 all weights go to 1.

    Args:
        now: summed log-probability of each reply's tokens.
        before: the same of the model before training, without gradient.
        beta: b, above 0.

    Raises:
        BadOption: a beta of 0 or less.

    >>> import torch
    >>> npo(torch.tensor([-7.0]), torch.tensor([-7.0]), beta=2.0)
    tensor(0.6931)
    """
    return slackening(before - now, beta)
