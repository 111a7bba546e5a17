"""Gradient difference: ascent on what is to be forgotten, descent on what must stay."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import descended, lessons
from assay.model.training.descent import Passes
from assay.techniques.unlearning.gradient_ascent import ascent


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Climb on the one while going down on the other."""
    told = lessons(brief, seed)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        return ascent(*passes.logprobs(told.forget.at(step))) + setting["retain"] * told.kept(passes, step)

    return descended(handle, brief, loss, setting["lr"], seed)


METHOD = Method(
    title="Gradient difference",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Liu et al. 2022, Continual learning and private unlearning, arXiv 2203.12817; as in Maini et al. "
    "2024, TOFU, arXiv 2401.06121",
    formula="minimise -NLL_f + retain * NLL_r, both per token",
    does="Trains the model to find the book unlikely, and to go on finding other texts as likely as before.",
    fit=fit,
    space={"lr": (1e-3,), "retain": (20.0, 40.0)},
    default={"retain": 20.0},
)
