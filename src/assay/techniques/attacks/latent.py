"""A vector for each block that is added to the stream everywhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from assay.access import WhiteHandle
from assay.core import Change
from assay.core.exam import Told
from assay.model.training.descent import Descent, Lever
from assay.techniques.attacks.eliciting import eliciting


@dataclass(frozen=True)
class Latent:
    """How vectors are trained."""

    steps: int
    eps: float
    """Longest that a vector may be, in median lengths of the stream where it is added."""
    batch: int = 16
    """Pairs of a step."""
    pace: float = 0.1
    """About how far a step goes, in the same lengths."""


def latent(
    handle: WhiteHandle, pairs: Sequence[Told], blocks: Sequence[int], how: Latent, seed: int
) -> tuple[Change, tuple[float, ...]]:
    """One vector behind each of some blocks that makes replies likely; the loss of each step.

    The inner loop of latent adversarial training (Sheshadri et al., arXiv 2407.15549; Casper et al., arXiv
    2403.05030), universal: ``argmin over v of -mean log p(reply | prompt)``, with ``h_l + v_l`` for ``h_l``
    at every token and ``|v_l| <= eps * median |h_l|``, by projected Adam, each of whose steps is about
    ``lr sqrt(d)`` long. The same vectors serve all prompts: with some for each prompt almost anything can be
    brought out, in the model or not.

    Raises:
        NotApplicable: no pair.
    """
    loss = eliciting(pairs, how.batch, seed)
    prompts = [pair.prompt for pair in pairs]
    usual = [
        float(torch.cat(handle.sequence_activations(prompts, block + 1)).norm(dim=1).median())
        for block in blocks
    ]
    still = torch.zeros(handle.width)
    levers = [
        Lever(f"resid_post.{block}", still, radius=how.eps * length)
        for block, length in zip(blocks, usual, strict=True)
    ]
    rate = how.pace * min(usual) / math.sqrt(handle.width)
    found = handle.descend(loss, Descent(how.steps, rate, weights=None, batch=how.batch), levers)
    return Change(hooks=found.end.hooks), found.losses
