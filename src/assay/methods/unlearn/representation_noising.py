"""Representation noising: what MLPs say of the book is made to look like noise, at every block."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.core.seed import derive
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import Loss, lessons
from assay.model.training.descent import Descent, Guard, Passes
from assay.techniques.unlearning.noising import mmd, noise, unlikely

STEPS = 60
LR = 1e-3


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """See how much varies what the MLPs say of the book, then train until the guard says stop."""
    sites = [f"mlp_out.{block}" for block in range(handle.n_layers)]
    spread = {site: torch.cat(handle.site_activations(brief.forget, site)).std(dim=0) for site in sites}
    loss = _loss(brief, setting, seed, spread)
    end = handle.descend(loss, Descent(STEPS, LR), guard=Guard(brief.guard, brief.allowed)).end
    return Change(deltas=(end.delta,))


def _loss(
    brief: UnlearnBrief, setting: Setting, seed: int, spread: Mapping[str, Float[Tensor, " d"]]
) -> Loss:
    """As in the formula; ``spread`` holds the standard deviation of each dimension of each MLP's output."""
    told, sites = lessons(brief, seed), list(spread)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        draw = torch.Generator().manual_seed(derive("representation noising", seed, step))
        said = passes.states(told.forget.texts_at(step), sites)
        unlike = [mmd(rows, noise(len(rows), spread[site].to(rows), draw)) for site, rows in said.items()]
        sums, counts = passes.lens(told.forget.at(step), range(len(sites)))
        lost = unlikely([-column.sum() / counts.sum() for column in sums.T])
        kept = told.kept(passes, step)
        return kept + setting["noise"] * torch.stack(unlike).sum() - setting["ascent"] * lost

    return loss


METHOD = Method(
    title="Representation noising",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Rosati et al. 2024, Representation noising: a defence mechanism against harmful finetuning, "
    "arXiv 2405.14577; noise on the scale of each layer, not N(0, I)",
    formula="min NLL_r + b sum over blocks of MMD(mlp_out(x_f), N(0, diag s^2)) - a log(mean over blocks of "
    "the logit lens's NLL_f), s the deviations of that block's own outputs",
    does="Trains the model so that what each of its MLPs says of the book cannot be told from noise, and no "
    "block leads to the book's words, while other text is predicted as before.",
    fit=fit,
    space={"noise": (0.1, 1.0), "ascent": (0.3, 1.0)},
    default={"noise": 1.0, "ascent": 0.3},
)
