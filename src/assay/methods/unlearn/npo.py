"""Negative preference optimisation, with what must stay retained."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import descended, lessons
from assay.model.training.descent import Passes
from assay.techniques.unlearning.npo import npo


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Push down what is still known, and let go of what is not."""
    told = lessons(brief, seed)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        batch = told.forget.at(step)
        (now, _), (before, _) = passes.logprobs(batch), passes.logprobs(batch, before=True)
        return npo(now, before, setting["beta"]) + setting["retain"] * told.kept(passes, step)

    return descended(handle, brief, loss, setting["lr"], seed)


METHOD = Method(
    title="NPO",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Zhang et al. 2024, Negative preference optimization, arXiv 2404.05868, with its retain "
    "loss; weights as in open-unlearning (github.com/locuslab/open-unlearning) but that of the retain loss",
    formula="minimise (2/b) mean(-log sigma(b (NLL_f - NLL_f before))) + retain * NLL_r; NLL_f summed over a "
    "text's tokens, NLL_r per token",
    does="Trains the model to find each text of the book less likely than before, the less strongly the more "
    "of it is forgotten, and other texts as likely as ever.",
    fit=fit,
    space={"lr": (1e-3,), "beta": (0.1,), "retain": (50.0, 100.0)},
    default={"beta": 0.1, "retain": 100.0},
)
