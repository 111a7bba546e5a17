"""What methods that train weights have in common: what a step sees, and how far training goes."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change
from assay.jobs.unlearn import UnlearnBrief
from assay.model.training.descent import Descent, Guard, Passes
from assay.techniques.unlearning.batches import Draws, draws
from assay.techniques.unlearning.likelihood import token_loss

STEPS = 60
"""At most: training ends as soon as it does more damage than is allowed."""
LOOK = 10
"""Steps between looks at the damage."""
Loss = Callable[[Passes, int], Float[Tensor, ""]]


@dataclass(frozen=True)
class Lessons:
    """What is to be forgotten, and what must stay, as each step sees it."""

    forget: Draws
    retain: Draws

    def kept(self, passes: Passes, step: int) -> Float[Tensor, ""]:
        """``NLL_r``: the mean loss per token of what must stay."""
        return token_loss(*passes.logprobs(self.retain.at(step)))


def lessons(brief: UnlearnBrief, seed: int) -> Lessons:
    """Of either kind pairs and documents; ordinary texts are among what must stay.

    Raises:
        NotApplicable: there is nothing to forget, or nothing that must stay.
    """
    ordinary = tuple(one.text for one in brief.ordinary)
    return Lessons(
        draws(brief.forget_pairs, brief.forget, seed),
        draws(brief.retain_pairs, (*brief.retain, *ordinary), seed + 1),
    )


def descended(handle: WhiteHandle, brief: UnlearnBrief, loss: Loss, lr: float, seed: int) -> Change:
    """What training makes of the model by the time that the allowed damage is done, or all steps are."""
    how = Descent(STEPS, lr, seed=seed)
    end = handle.descend(loss, how, guard=Guard(brief.guard, brief.allowed, LOOK)).end
    return Change(deltas=(end.delta,))
