"""KL minimisation: ascent on what is to be forgotten, predictions held in place on what must stay."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import descended, lessons
from assay.model.training.descent import Passes
from assay.techniques.unlearning.gradient_ascent import ascent
from assay.techniques.unlearning.kl import divergence


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Climb, held back by the model that was there before."""
    told = lessons(brief, seed)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        texts = told.retain.texts_at(step)
        before, now = passes.distributions(texts, before=True), passes.distributions(texts)
        return ascent(*passes.logprobs(told.forget.at(step))) + setting["kl"] * divergence(before, now)

    return descended(handle, brief, loss, setting["lr"], seed)


METHOD = Method(
    title="KL minimisation",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Maini et al. 2024, TOFU, arXiv 2401.06121, section 3; with a weight for the divergence",
    formula="minimise -NLL_f + kl * mean over positions of what must stay of KL(p_before || p)",
    does="Trains the model to find the book unlikely, with its predictions on other texts held as they were.",
    fit=fit,
    space={"lr": (1e-3,), "kl": (10.0, 30.0, 100.0)},
    default={"kl": 30.0},
)
