"""A few trained vectors in front of every prompt."""

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
class SoftPrompt:
    """How vectors are trained."""

    steps: int
    radius: float
    """How far a vector may go from the embedding it began as, in median lengths of a token's embedding."""
    batch: int = 16
    """Pairs of a step."""
    pace: float = 0.3
    """About how far a step goes, in the same lengths."""


def soft_prompt(
    handle: WhiteHandle, pairs: Sequence[Told], words: str, how: SoftPrompt, seed: int
) -> tuple[Change, tuple[float, ...]]:
    """Words in front of every prompt with trained embeddings that make replies likely; the loss of each step.

    Prompt tuning (Lester et al., arXiv 2104.08691) as an attack (Schwinn et al., "Soft prompt threats", arXiv
    2402.09063): ``argmin over e_1 ... e_k of -mean log p(reply | e_1 ... e_k prompt)`` within
    ``|e_i - e(w_i)| <= radius * median |e(w)|``, by Adam, each of whose steps is about ``lr sqrt(d)`` long.
    There is a vector for every token of ``words``. The same vectors stand in front of every prompt: with some
    for each prompt almost any text can be brought out, read in training or not (arXiv 2502.15836).

    Raises:
        NotApplicable: no pair, or a tokenizer that does not say where its tokens stand.
    """
    front = f"{words} "
    loss = eliciting(pairs, how.batch, seed, front)
    # tokens put in front by default cover nothing
    given = sum(span == (0, 0) for span in handle.spans([words])[0])
    start = handle.site_activations([words], "embed")[0][given:]
    seen = torch.cat(handle.site_activations([pair.prompt for pair in pairs], "embed"))
    usual = float(seen.norm(dim=1).median())
    lever = Lever("embed", start, replace=True, radius=how.radius * usual)
    rate = how.pace * usual / math.sqrt(handle.width)
    descent = Descent(how.steps, rate, weights=None, batch=how.batch)
    found = handle.descend(loss, descent, [lever])
    return Change(hooks=found.end.hooks, context=lambda _: front), found.losses
