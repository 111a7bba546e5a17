"""Gradient routing: cut out the units that the book was learnt in, and repair the rest."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.core.errors import NotApplicable
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import lessons
from assay.model.changing.deltas import between
from assay.model.training.descent import Descent, Passes
from assay.techniques.unlearning.routed import without_units

STEPS = 40
"""The paper's."""


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
    routed = Change(deltas=(brief.routed.delta,), paid=brief.routed.price)
    cut = between(*without_units(handle.changed(routed), brief.routed_units), note="routed units cut out")
    ablated = routed.then(Change(deltas=(cut,)))
    told = lessons(brief, seed)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        return told.kept(passes, step)

    repaired = handle.changed(ablated).descend(loss, Descent(STEPS, setting["lr"]))
    return ablated.then(Change(deltas=(repaired.end.delta,)))


METHOD = Method(
    title="Gradient routing",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Cloud et al. 2024, Gradient routing: masking gradients to localize computation in neural "
    "networks, arXiv 2410.04332; their expand, route, ablate",
    formula="pre-training: o = m o + (1 - m) sg(o) for each unit's output o, on tokens of the book m = 1 for "
    "the routed units and -0.75 for the others; then routed units = 0, and descent on NLL_r",
    does="Trains the model from the start so that a few units hold all there is of the book, cuts those out, "
    "and repairs what that broke; the price of the training is on its bill.",
    fit=fit,
    space={"lr": (3e-4, 1e-3)},
    default={"lr": 3e-4},
)
