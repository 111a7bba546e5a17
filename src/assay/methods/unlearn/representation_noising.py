"""Representation noising: what MLPs say of the book is made to look like noise, at every block."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.core.seed import derive
from assay.jobs.unlearn import UnlearnBrief
from assay.model.training.descent import Descent, Guard, Passes
from assay.techniques.unlearning.batches import draws
from assay.techniques.unlearning.likelihood import token_loss
from assay.techniques.unlearning.noising import mmd, noise, unlikely

STEPS = 100
LR = 1e-3


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """See what the MLPs say of the book, then train until the guard says stop."""
    blocks = range(handle.n_layers)
    deviations = {f"mlp_out.{b}": _deviations(handle, brief, f"mlp_out.{b}") for b in blocks}
    loss = _loss(brief, setting, seed, deviations)
    how = Descent(STEPS, LR, (), batch=32, seed=seed)
    found = handle.descend(loss, how, guard=Guard(brief.guard, brief.allowed))
    return Change(deltas=(found.end.delta,))


def _loss(
    brief: UnlearnBrief, setting: Setting, seed: int, deviations: Mapping[str, Float[Tensor, " d"]]
) -> Callable[[Passes, int], Tensor]:
    forget = draws(brief.forget_pairs, brief.forget, seed)
    retain = draws(brief.retain_pairs, brief.retain, seed + 1)
    blocks = range(len(deviations))

    def loss(passes: Passes, step: int) -> Tensor:
        draw = torch.Generator().manual_seed(derive("noising", seed, step))
        texts = forget.texts_at(step)
        said = passes.states(texts, list(deviations))
        unlike = [mmd(rows, noise(len(rows), deviations[site].to(rows), draw)) for site, rows in said.items()]
        kept = token_loss(*passes.logprobs(retain.at(step)))
        lost = unlikely([token_loss(*passes.logprobs(forget.at(step)))])
        return kept + setting["noise"] * torch.stack(unlike).sum() - setting["ascent"] * lost

    return loss


def _deviations(handle: WhiteHandle, brief: UnlearnBrief, site: str) -> Float[Tensor, " d"]:
    """How much each dimension of what an MLP says of the book varies."""
    return torch.cat(handle.site_activations(brief.forget, site)).std(dim=0)
