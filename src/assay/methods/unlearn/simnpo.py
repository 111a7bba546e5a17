"""Negative preference optimisation without a reference model, with what must stay retained."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import descended, lessons
from assay.model.training.descent import Passes
from assay.techniques.unlearning.simnpo import simnpo

FORGET = 0.125
"""Weight of the forget term beside the retain loss."""


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Push down what is predicted best, whatever it was before."""
    told = lessons(brief, seed)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        sums, counts = passes.logprobs(told.forget.at(step))
        return FORGET * simnpo(sums, counts, setting["beta"]) + told.kept(passes, step)

    return descended(handle, brief, loss, setting["lr"], seed)


METHOD = Method(
    title="SimNPO",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Fan et al. 2024, Simplicity prevails, arXiv 2410.07163; weights from "
    "github.com/OPTML-Group/Unlearn-Simple",
    formula="minimise 0.125 (2/b) mean(-log sigma(b NLL_f)) + NLL_r, both per token",
    does="Trains the model to find the book unlikely, the less strongly the less likely a text's tokens are, "
    "and other texts as likely as ever.",
    fit=fit,
    space={"lr": (1e-3,), "beta": (0.7, 2.5, 4.5)},
    default={"beta": 0.7},
)
