"""Preference optimisation: a refusal is chosen, what the book says is rejected."""

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Method, Setting
from assay.core.errors import NotApplicable
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._descent import descended, lessons
from assay.model.training.descent import Pair, Passes
from assay.techniques.unlearning.batches import draws
from assay.techniques.unlearning.preference import Replies, preference


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:
    """Prefer the refusal behind every prompt of the book."""
    if not brief.forget_pairs:
        raise NotApplicable("the brief holds no pairs of prompt and reply, so there is no reply to reject")
    told, asked = lessons(brief, seed), draws(brief.forget_pairs, (), seed)

    def loss(passes: Passes, step: int) -> Float[Tensor, ""]:
        rejected = asked.at(step)
        chosen = [Pair(pair.prompt, f" {brief.refusal}") for pair in rejected]
        preferred = preference(_replies(passes, chosen), _replies(passes, rejected), setting["beta"])
        return preferred + setting["retain"] * told.kept(passes, step)

    return descended(handle, brief, loss, setting["lr"], seed)


def _replies(passes: Passes, pairs: list[Pair]) -> Replies:
    return Replies(passes.logprobs(pairs)[0], passes.logprobs(pairs, before=True)[0])


METHOD = Method(
    title="IdkDPO",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Maini et al. 2024, TOFU, arXiv 2401.06121; Rafailov et al. 2023, arXiv 2305.18290; with the "
    "retain loss, as in open-unlearning (github.com/locuslab/open-unlearning)",
    formula="minimise (2/b) mean(-log sigma(b (log p/p_before of the refusal - log p/p_before of the book's "
    "reply))) + retain * NLL_r",
    does="Trains the model to prefer saying that it does not know to what the book says.",
    fit=fit,
    space={"lr": (1e-3,), "beta": (0.1,), "retain": (10.0, 20.0, 50.0)},
    default={"retain": 20.0},
)
