"""Latents of a dictionary that are on for a subject alone, held below zero wherever they come on.

Farrell, Lau & Conmy, "Applying sparse autoencoders to unlearn knowledge in language models" (arXiv
2410.19278); latents are chosen by density, as in SAEBench (Karvonen et al., arXiv 2503.09532).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.changing.change import Change
from assay.model.sites.moment import Moment
from assay.model.sites.site import Site
from assay.techniques.dictionaries.dictionary import Dictionary


@dataclass(frozen=True, eq=False)
class Latents:
    """Some latents of a dictionary."""

    numbers: Int[Tensor, " k"]
    sizes: Float[Tensor, " k"]
    """How much each is on, on average, where it is on in text on the subject."""


def subject_latents(
    dictionary: Dictionary,
    forget: Float[Tensor, "f d"],
    retain: Float[Tensor, "r d"],
    k: int,
    rare: float,
) -> Latents:
    """The ``k`` latents on at most rows of ``forget``, of those on at a share below ``rare`` of the others.

    Fewer where fewer are that rare on other rows, and on at all.

    Raises:
        BadOption: no rows on one side, or ``k`` below 1.
    """
    if not len(forget) or not len(retain) or k < 1:
        raise BadOption(f"{len(forget)} and {len(retain)} rows, k = {k}: give rows of either kind, and a k")
    density, sizes = _use(dictionary, forget)
    elsewhere, _ = _use(dictionary, retain)
    kept = ((elsewhere < rare) & (density > 0)).nonzero()[:, 0]
    chosen = kept[density[kept].argsort(descending=True, stable=True)][:k]
    return Latents(chosen, sizes[chosen])


def clamping(layer: int, dictionary: Dictionary, latents: Latents, strength: float, first: int = 0) -> Change:
    """``x' = x + sum over chosen j that are on of (a_j' - a_j(x)) d_j``, behind ``layer`` blocks.

    ``a_j' = max(1 - s, 0) a_j - max(s - 1, 0) m_j`` with m_j the latent's usual size: strength 0 changes
    nothing, 1 sets it to zero, and what is above holds it below zero, at ``s - 1`` times that size. What the
    dictionary does not explain of x stays in it. The first ``first`` tokens of each text, which the tokenizer
    puts there, stay as they are to the bit.
    """
    decoder = dictionary.decoder[latents.numbers]

    def how(x: Float[Tensor, "n t d"], moment: Moment) -> Float[Tensor, "n t d"]:  # noqa: ARG001
        rows = x.flatten(0, 1).to(dictionary.encoder)
        now = dictionary.code(rows).dense()[:, latents.numbers]
        wanted = max(1 - strength, 0.0) * now - max(strength - 1, 0.0) * latents.sizes * (now > 0)
        return x + ((wanted - now) @ decoder).view(x.shape).to(x)

    return Change(Site.stream(layer), how, slice(first, None))


def _use(
    dictionary: Dictionary, rows: Float[Tensor, "n d"]
) -> tuple[Float[Tensor, " latent"], Float[Tensor, " latent"]]:
    """The share of rows at which each latent is on, and how much it is on there."""
    counts, sums = torch.zeros(dictionary.latents), torch.zeros(dictionary.latents)
    for _, code in dictionary.codes(rows):
        on = code.values > 0
        at, values = code.places.latents[on], code.values[on]
        counts.index_add_(0, at, torch.ones_like(values))
        sums.index_add_(0, at, values)
    return counts / len(rows), sums / counts.clamp_min(1)
