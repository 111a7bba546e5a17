"""How far a model's predictions have moved from what they were."""

from jaxtyping import Float
from torch import Tensor


def divergence(
    before: Float[Tensor, "k vocabulary"], now: Float[Tensor, "k vocabulary"]
) -> Float[Tensor, ""]:
    """``mean over positions of KL(before || now)`` in nats, from log-probabilities.

    What keeps a model in place in the KL minimisation of Maini et al. 2024, TOFU (arXiv 2401.06121). It is 0,
    and its gradient with it, as long as nothing has changed. Predictions that were certain not to happen cost
    nothing.

    >>> import torch
    >>> even, skewed = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]]).log()
    >>> round(float(divergence(even, skewed)), 4)
    0.1438
    """
    return (before.exp() * (before.clamp_min(_LEAST) - now.clamp_min(_LEAST))).sum(-1).mean()


_LEAST = -1e4
"""Log-probability that stands for none at all, for 0 times minus infinity is no number."""
