"""Task arithmetic: learn the book once more, and go the opposite way."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import lessons
from assay.model.training.descent import Descent, Passes
from assay.techniques.unlearning.budget import strongest
from assay.techniques.unlearning.likelihood import token_loss
from assay.techniques.unlearning.negation import negated

MOST = 16.0
"""Largest strength: a model that knows the book well learns little from it once more, and is moved little."""


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Fine-tune on the book, then subtract as much of it as the damage allows."""
    told = lessons(brief, seed)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        return token_loss(*passes.logprobs(told.forget.at(step)))

    learnt = handle.descend(loss, Descent(setting["steps"], setting["lr"], seed=seed)).end.delta

    def made(strength: float) -> Change:
        return Change(deltas=(negated(learnt, strength),))

    return strongest(handle, made, brief.guard, brief.allowed, MOST)[1]


METHOD = Method(
    title="Task vector",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Ilharco et al. 2022, Editing models with task arithmetic, arXiv 2212.04089",
    formula="theta' = theta - s (theta_ft - theta), theta_ft fine-tuned on the book; s as large as "
    "the damage allows",
    does="Learns the book once more, and takes out of the weights what that put in, as often as can be.",
    fit=fit,
    space={"lr": (1e-4, 3e-4), "steps": (10,)},
    default={"lr": 1e-4},
)
