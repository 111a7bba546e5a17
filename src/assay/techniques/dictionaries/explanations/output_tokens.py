"""What a latent does to the output: the tokens that it makes likelier and less likely."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.errors import BadOption

Lens = Callable[[Tensor], Tensor]
"""Rows of the residual stream -> log-probabilities, as ``WhiteHandle.logit_lens`` gives them."""


def output_effects(
    lens: Lens, middle: Float[Tensor, " d"], push: Float[Tensor, "n d"]
) -> Float[Tensor, "n vocabulary"]:
    """``lens(middle + push) - lens(middle)``, less its mean over the vocabulary, which no softmax sees.

    The logit lens (nostalgebraist 2020) of a decoder row times the activation, added to a usual row: the last
    norm is the model's own, with gain, centring and all. Output-side descriptions say better what a latent
    does, input-side ones when it is on (Gur-Arieh et al. 2025, arXiv 2501.08319). Raises BadOption for rows
    of unlike width.

    >>> eye = lambda rows: torch.log_softmax(rows, -1)
    >>> output_effects(eye, torch.zeros(3), torch.tensor([[3.0, 0.0, 0.0]])).round().int().tolist()
    [[2, -1, -1]]
    """
    if push.ndim != 2 or middle.shape != push.shape[1:]:
        raise BadOption(f"a push of shape {tuple(push.shape)} does not fit a row of {tuple(middle.shape)}")
    seen = lens(torch.cat([middle[None], middle + push]))
    change = seen[1:] - seen[0]
    return change - change.mean(dim=1, keepdim=True)


def extreme_tokens(
    effects: Float[Tensor, "n vocabulary"], names: Sequence[str], top: int = 10
) -> list[dict[str, list[tuple[str, float]]]]:
    """For each latent the tokens it raises and those it lowers most, with the change of their logits.

    Raises BadOption if the names are not those of the vocabulary.

    >>> extreme_tokens(torch.tensor([[2.0, -1.0, -0.5]]), ["a", "b", "c"], top=1)
    [{'raised': [('a', 2.0)], 'lowered': [('b', -1.0)]}]
    """
    if effects.shape[1] != len(names):
        raise BadOption(f"{len(names)} names for a vocabulary of {effects.shape[1]} tokens")
    count = min(top, len(names))
    return [
        {
            "raised": [(names[int(t)], float(row[t])) for t in row.topk(count).indices],
            "lowered": [(names[int(t)], float(row[t])) for t in (-row).topk(count).indices],
        }
        for row in effects
    ]
