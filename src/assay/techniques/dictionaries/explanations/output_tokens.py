"""What a latent makes the model say: the output tokens that its direction raises and lowers."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.errors import BadOption

_ENTRIES = 1 << 24
"""Numbers of the matrix "latent vocabulary" that are held at once."""


@dataclass(frozen=True, eq=False)
class OutputTokens:
    """For each latent the tokens whose logits it changes most, the strongest first."""

    raised: Int[Tensor, "latent top"]
    raised_by: Float[Tensor, "latent top"]
    lowered: Int[Tensor, "latent top"]
    lowered_by: Float[Tensor, "latent top"]
    """Below zero: by how much the logit falls against the mean of all."""


def output_tokens(
    decoder: Float[Tensor, "latent d"],
    unembedding: Float[Tensor, "vocab d"],
    gain: Float[Tensor, " d"] | None = None,
    top: int = 10,
    centred: bool = False,
) -> OutputTokens:
    """The tokens that one unit of each latent raises and lowers most on its straight way to the logits.

    ``effect = (W_U * gain) d - mean over the vocabulary``: the logit lens (nostalgebraist 2020,
    "interpreting GPT: the logit lens") on a decoder row, which describes what a latent does better than what
    turns it on does (Gur-Arieh et al. 2025, arXiv 2501.08319). The mean goes because the softmax ignores it.
    What later layers make of the direction is not in it.

    Args:
        decoder: directions in the residual stream, one a row.
        unembedding: one row for each token.
        gain: weight of the final norm. Its division by the length is left out: it only scales.
        top: how many tokens each way.
        centred: the final norm subtracts the mean of its input (LayerNorm), so a direction counts only
            without its own.

    Equal effects come in no certain order. Raises BadOption for shapes that do not fit and for a ``top``
    beyond the vocabulary.

    >>> found = output_tokens(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), top=1)
    >>> found.raised.tolist(), found.raised_by.tolist(), found.lowered.tolist()
    ([[0]], [[1.0]], [[1]])
    """
    directions = _folded(decoder, unembedding, gain, centred)
    if not 1 <= top <= len(unembedding):
        raise BadOption(f"top has to be from 1 to the {len(unembedding)} tokens of the vocabulary; got {top}")
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for effect in _effects(directions, unembedding):
        high, low = effect.topk(top), effect.topk(top, largest=False)
        parts.append((high.indices, high.values, low.indices, low.values))
    return OutputTokens(*(torch.cat(column) for column in zip(*parts, strict=True)))


def effect_sizes(
    decoder: Float[Tensor, "latent d"],
    unembedding: Float[Tensor, "vocab d"],
    gain: Float[Tensor, " d"] | None = None,
    centred: bool = False,
) -> Float[Tensor, " latent"]:
    """How much one unit of each latent moves the logits: the standard deviation of its effect over tokens.

    ``sqrt(d' C d)`` with ``C`` the covariance of the rows of ``W_U * gain`` over the vocabulary, so the cost
    is ``d^2 (vocab + latent)`` and the matrix "latent vocab" is never made. Raises BadOption for shapes that
    do not fit.

    >>> effect_sizes(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])).tolist()
    [1.0]
    """
    directions = _folded(decoder, unembedding, gain, centred).double()
    width = unembedding.shape[1]
    rows = unembedding.detach()
    mean = rows.mean(0, dtype=torch.float64)
    covariance = directions.new_zeros(width, width)
    for part in rows.split(max(1, _ENTRIES // width)):
        rest = part.double() - mean
        covariance.addmm_(rest.T, rest)
    squares = ((directions @ covariance) * directions).sum(1) / len(rows)
    return squares.clamp_min(0).sqrt().float()


def _folded(
    decoder: Float[Tensor, "latent d"],
    unembedding: Float[Tensor, "vocab d"],
    gain: Float[Tensor, " d"] | None,
    centred: bool,
) -> Float[Tensor, "latent d"]:
    """The directions as the unembedding meets them: the norm is folded into the few rows, not the many."""
    if decoder.ndim != 2 or unembedding.ndim != 2 or decoder.shape[1] != unembedding.shape[1]:
        raise BadOption(
            f"decoder rows of shape {tuple(decoder.shape)} cannot be read by an unembedding of shape "
            f"{tuple(unembedding.shape)}; both need rows of the model's width"
        )
    if not len(decoder) or not len(unembedding):
        raise BadOption("there is no latent, or no token, to tell an effect of")
    if gain is not None and gain.shape != decoder.shape[1:]:
        raise BadOption(f"the norm's weight has shape {tuple(gain.shape)}, not ({decoder.shape[1]},)")
    directions = decoder.detach().to(unembedding.device).float()
    if centred:
        directions = directions - directions.mean(1, keepdim=True)
    return directions if gain is None else directions * gain.detach().to(directions)


def _effects(
    directions: Float[Tensor, "latent d"], unembedding: Float[Tensor, "vocab d"]
) -> Iterator[Float[Tensor, "part vocab"]]:
    """The centred effects of some latents at a time."""
    rows = unembedding.detach().float()
    for part in directions.split(max(1, _ENTRIES // len(rows))):
        effect = part @ rows.T
        yield effect - effect.mean(1, keepdim=True)
