"""Taking turns: everybody does the task once a round, in an order that rotates; ratios are of one round."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

T = TypeVar("T")
_LEVEL = 0.95


@dataclass(frozen=True)
class Spread:
    """A median and how far it may be trusted."""

    middle: float
    low: float
    high: float
    n: int


def rounds(
    turns: Mapping[T, Callable[[], float]], count: int, said: Callable[[int], None] = lambda _: None
) -> dict[T, list[float]]:
    """Seconds of everybody in every round; round ``r`` begins with the ``r``-th of them.

    >>> order = []
    >>> note = lambda name: lambda: order.append(name) or 1.0
    >>> _ = rounds({name: note(name) for name in "abc"}, 2)
    >>> "".join(order)
    'abcbca'
    """
    names, seconds = list(turns), {name: list[float]() for name in turns}
    for number in range(count):
        first = number % max(len(names), 1)
        for name in names[first:] + names[:first]:
            seconds[name].append(turns[name]())
        said(number + 1)
    return seconds


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """Their time over ours, round by round.

    >>> ratios([2.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    Spread(middle=2.0, low=2.0, high=3.0, n=3)
    """
    return spread([a / b for a, b in zip(theirs, ours, strict=True)])


def spread(values: Sequence[float]) -> Spread:
    """Median with the interval between two order statistics that holds the true one 95 times in 100.

    P(x_(k) <= median <= x_(n+1-k)) = 1 - 2 P(B < k), B ~ Binomial(n, 1/2), for any distribution; k is the
    largest that keeps it at 95%. With fewer than 6 values the range is given, which holds it less often.
    """
    ordered, n = sorted(values), len(values)
    k = max((k for k in range(2, n // 2 + 1) if _coverage(n, k) >= _LEVEL), default=1)
    return Spread(median(ordered), ordered[k - 1], ordered[n - k], n)


def _coverage(n: int, k: int) -> float:
    return 1 - 2 * sum(math.comb(n, i) for i in range(k)) / 2**n
