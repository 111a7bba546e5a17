"""Gradient ascent: the loss of what is to be forgotten, turned around."""

from jaxtyping import Float, Int
from torch import Tensor

from assay.techniques.unlearning.likelihood import token_loss


def ascent(sums: Float[Tensor, " n"], counts: Int[Tensor, " n"]) -> Float[Tensor, ""]:
    """``-NLL_f``, the mean over the tokens of a batch; has no floor, so its descent never ends by itself.

    Jang et al. 2022, Knowledge unlearning for mitigating privacy risks in language models (arXiv 2210.01504).

    >>> import torch
    >>> ascent(torch.tensor([-6.0, -1.0]), torch.tensor([3, 1]))
    tensor(-1.7500)
    """
    return -token_loss(sums, counts)
