"""How badly texts are predicted: what plain fine-tuning lowers, and what retaining keeps low."""

from jaxtyping import Float, Int
from torch import Tensor


def token_loss(sums: Float[Tensor, " n"], counts: Int[Tensor, " n"]) -> Float[Tensor, ""]:
    """Mean loss per token of a batch: ``-(sum over texts of log p) / (tokens of all texts)``, in nats.

    Takes the summed log-probability of each text's tokens and their number; long texts weigh more.

    >>> import torch
    >>> token_loss(torch.tensor([-6.0, -1.0]), torch.tensor([3, 1]))
    tensor(1.7500)
    """
    return -sums.sum() / counts.sum().clamp_min(1)
