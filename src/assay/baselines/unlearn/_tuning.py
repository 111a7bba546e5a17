"""What plain training against a book has in common: what is rehearsed, and how far training goes."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change
from assay.jobs.unlearn import UnlearnBrief
from assay.model.training.descent import Descent, Guard, Passes
from assay.techniques.unlearning.batches import Draws, draws

STEPS = 60
"""At most: training ends as soon as it does more damage than is allowed."""
LOOK = 10
"""Steps between looks at the damage."""


def rest(brief: UnlearnBrief, seed: int, size: int) -> Draws:
    """What must stay, as each step sees it: pairs and documents, ordinary texts among them.

    Raises:
        NotApplicable: there is nothing of the kind.
    """
    ordinary = tuple(one.text for one in brief.ordinary)
    return draws(brief.retain_pairs, (*brief.retain, *ordinary), seed, size)


def tuned(
    handle: WhiteHandle, brief: UnlearnBrief, loss: Callable[[Passes, int], Float[Tensor, ""]], how: Descent
) -> Change:
    """What training makes of the model by the time that the allowed damage is done, or all steps are."""
    guard = Guard(brief.guard, brief.allowed, LOOK)
    return Change(deltas=(handle.descend(loss, how, guard=guard).end.delta,))
