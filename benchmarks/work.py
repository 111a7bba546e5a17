"""What a participant hands over to be measured; imports torch alone, for it runs in every environment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Compared = dict[str, Tensor]
"""What must come out the same for everybody, by name; empty where there is nothing to compare."""


def nothing(_: Any) -> Compared:
    """For work that only sets the time to compare with."""
    return {}


@dataclass(frozen=True)
class Work:
    """One way of doing a task.

    Where only a sample of a long job is run, ``once`` does what the whole job needs a single time, and
    ``run`` does it too; the whole is reckoned as ``once + (run - once) · scale``.
    """

    run: Callable[[], Any]
    compared: Callable[[Any], Compared] = nothing
    """Takes what ``run`` gave; not timed."""
    once: Callable[[], Any] | None = None
    scale: float = 1.0

    def whole(self, measure: Callable[[Callable[[], Any]], float]) -> float:
        """What the whole job takes, by a measure of a call.

        >>> Work(run=lambda: 5.0, once=lambda: 1.0, scale=10.0).whole(lambda call: call())
        41.0
        """
        if self.once is None:
            return measure(self.run)
        once = measure(self.once)
        return once + max(measure(self.run) - once, 0.0) * self.scale


Uses = dict[str, Work]
"""Ways of using one library for a task, by what sets them apart; the documented one has no name."""
