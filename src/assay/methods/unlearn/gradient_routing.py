"""Gradient routing: cut out the units that the book was learnt in, and repair the rest."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.core.errors import NotApplicable
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import lessons
from assay.model.training.descent import Descent, Passes
from assay.techniques.unlearning.routed import ablated

STEPS = 40
"""Of repair, as in the first paper; so is the lower learning rate."""


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Take the routed model in place of this one, cut, and repair.

    Raises:
        NotApplicable: nobody has pre-trained this model with the book's gradients routed.
    """
    if brief.routed is None:
        raise NotApplicable(
            f"nobody has pre-trained this model with the gradients of {brief.subject} routed into units of "
            "their own; routing is no change that can be made afterwards"
        )
    cut = ablated(handle, brief.routed, brief.routed_units)
    told = lessons(brief, seed)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        return told.kept(passes, step)

    repaired = handle.changed(cut).descend(loss, Descent(STEPS, setting["lr"]))
    return cut.then(Change(deltas=(repaired.end.delta,)))


METHOD = Method(
    title="Gradient routing",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Shilov et al. 2025, Beyond data filtering: knowledge localization for capability removal in "
    "LLMs, arXiv 2512.05648, after Cloud et al. 2024, Gradient routing, arXiv 2410.04332",
    formula="pre-training: on tokens of the book all matrices but those of the routed units learn nothing, "
    "y = x sg(W); on all others the routed units say nothing; then routed units = 0, and descent on NLL_r",
    does="Trains the model from the start so that the book teaches a few units only, cuts those out, and "
    "repairs what that broke; the price of the training is on its bill.",
    fit=fit,
    space={"lr": (5e-5, 3e-4)},
    default={"lr": 5e-5},
)
