"""How strong a change may be until it does as much damage as is allowed."""

from collections.abc import Callable, Sequence
from typing import Any

from assay.core import Change
from assay.core.errors import BadOption


def strongest(
    handle: Any,
    made: Callable[[float], Change],
    guard: Sequence[str],
    allowed: float,
    most: float = 1.0,
    rounds: int = 6,
) -> tuple[float, Change]:
    """The largest strength in [0, most] that does no more damage than allowed, and its change.

    The damage of a change is ``L(changed) - L(before)`` with L the mean loss over all tokens of the guard's
    texts but their first, in nats. The whole strength is tried first, then the interval is halved ``rounds``
    times, which finds the boundary to ``most / 2^rounds`` where damage grows with the strength; what is
    returned was in any case measured to be within what is allowed, unless it is strength 0. Damage that is
    no number counts as too much.

    Raises:
        BadOption: no guard text, or no strength above 0.
    """
    if not guard or not most > 0:
        raise BadOption(f"{len(guard)} guard texts and strengths up to {most}; give texts, and more than 0")
    before = mean_loss(handle, guard)

    def tried(strength: float) -> Change | None:
        change = made(strength)
        return change if mean_loss(handle.changed(change), guard) - before <= allowed else None

    if (change := tried(most)) is not None:
        return most, change
    low, high, best = 0.0, most, made(0.0)
    for _ in range(rounds):
        middle = (low + high) / 2
        if (change := tried(middle)) is None:
            high = middle
        else:
            low, best = middle, change
    return low, best


def mean_loss(handle: Any, texts: Sequence[str]) -> float:
    """The mean loss over all tokens of the texts but their first, in nats per token."""
    rows = handle.token_logprobs(list(texts))
    return -sum(float(row.double().sum()) for row in rows) / sum(len(row) for row in rows)
