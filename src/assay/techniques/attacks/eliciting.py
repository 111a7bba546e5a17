"""The loss of attacks that are trained: that replies do not come."""

from collections.abc import Callable, Sequence

from torch import Tensor

from assay.core.exam import Told
from assay.model.training.descent import Passes
from assay.techniques.unlearning.batches import draws


def eliciting(
    pairs: Sequence[Told], batch: int, seed: int, front: str = ""
) -> Callable[[Passes, int], Tensor]:
    """``-mean log p(reply | front + prompt)`` over the pairs of a step, each drawn once in every round.

    Summed over a reply's tokens, so that words that any reply has do not thin out the answer. Raises
    NotApplicable without a pair.
    """
    drawn = draws([Told(front + pair.prompt, pair.reply) for pair in pairs], (), seed, batch)

    def loss(passes: Passes, step: int) -> Tensor:
        sums, _ = passes.logprobs(drawn.at(step))
        return -sums.mean()

    return loss
