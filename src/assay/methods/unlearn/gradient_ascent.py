"""Gradient ascent on what is to be forgotten, and nothing else."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import descended, lessons
from assay.model.training.descent import Passes
from assay.techniques.unlearning.gradient_ascent import ascent


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Climb until the damage is as large as is allowed, which takes few steps."""
    told = lessons(brief, seed)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        return ascent(*passes.logprobs(told.forget.at(step)))

    return descended(handle, brief, loss, setting["lr"], seed)


METHOD = Method(
    title="Gradient ascent",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Jang et al. 2022, Knowledge unlearning for mitigating privacy risks in language models, arXiv "
    "2210.01504",
    formula="minimise -NLL_f, the loss per token of the book turned around",
    does="Trains the model to find the book unlikely, until that hurts other texts too.",
    fit=fit,
    space={"lr": (1e-4, 3e-4)},
    default={"lr": 1e-4},
)
