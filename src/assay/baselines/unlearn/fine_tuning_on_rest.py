"""Goes on training on what must stay, and leaves forgetting to itself."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.baselines.unlearn._tuning import STEPS, rest, tuned
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.model.training.descent import Descent, Passes
from assay.techniques.unlearning.likelihood import token_loss

TOGETHER = 32
"""Texts of a step: as many as methods see that train on the book as well."""


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Train all weights on documents and pairs, none of them from the book."""
    kept = rest(brief, seed, TOGETHER)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        return token_loss(*passes.logprobs(kept.at(step)))

    return tuned(handle, brief, loss, Descent(STEPS, setting["lr"], batch=TOGETHER, seed=seed))


METHOD = Method(
    title="Fine-tuning on the rest",
    job="unlearn",
    kind="baseline",
    access=Access.WHITE,
    source="catastrophic forgetting (McCloskey and Cohen 1989, doi 10.1016/S0079-7421(08)60536-8) as a "
    "way to forget on purpose: Golatkar et al. 2019, arXiv 1911.04933",
    formula="minimise NLL_r, per token, AdamW on all weights",
    does="Trains the model further on everything but the book, in the hope that the book fades.",
    fit=fit,
    space={"lr": (1e-3, 3e-3)},
    default={"lr": 1e-3},
)
