"""Training as an attack: all weights, from the model as it is held, looked at again and again."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change
from assay.core.exam import Attempt, Question, Sheet
from assay.core.seed import derive
from assay.model.training.descent import Descent, Pair, Passes
from assay.techniques.sitting import sit

BATCH = 16
"""Texts of a step; all where there are fewer. More of them bring no more back on the school's models."""
Sitting = Callable[[Sequence[Question]], Sheet]


def courses(
    held: WhiteHandle,
    lessons: Iterable[tuple[Mapping[str, Any], Sequence[Pair]]],
    looks: Sequence[int],
    rates: Sequence[float],
    seed: int,
) -> Iterator[Attempt]:
    """Tries of one training for each setting with its texts and each learning rate.

    Each is looked at before its first step, then after each number of steps in ``looks``.
    """
    start = remembered(partial(sit, held))  # the same for all of them
    for setting, pairs in lessons:
        for lr in rates:
            named = {**setting, "lr": lr}
            name = ", ".join(f"{key} {value:g}" for key, value in named.items())
            yield Attempt({**named, "steps": 0}, start, name, 0.0)
            for steps, trained in learnt(held, pairs, looks, lr, seed):
                yield Attempt({**named, "steps": steps}, partial(sit, trained), name, float(steps))


def remembered(sitting: Sitting) -> Sitting:
    """The same marks without asking again where the same questions are sat twice."""
    kept = cache(sitting)
    return lambda questions: kept(tuple(questions)).copy()


def learnt(
    held: WhiteHandle, pairs: Sequence[Pair], looks: Sequence[int], lr: float, seed: int
) -> Iterator[tuple[int, WhiteHandle]]:
    """The model after each number of steps of one training; less of them if its loss is no number any more.

    Adam on all weights lowers ``mean over texts of a step of -log p(reply | prompt) / tokens of the reply``.
    """
    batch = min(BATCH, len(pairs))
    how = Descent(max(looks), lr, batch=batch, every=math.gcd(*looks), seed=seed)
    for state in held.descend(fitting(pairs, batch, seed), how).states:
        if state.step in looks:
            yield state.step, held.changed(Change(deltas=(state.delta,)))


def fitting(pairs: Sequence[Pair], batch: int, seed: int) -> Callable[[Passes, int], Tensor]:
    """The loss of each step: the mean over its texts of the mean over their tokens."""

    def loss(passes: Passes, step: int) -> Tensor:
        sums, counts = passes.logprobs([pairs[number] for number in turn(len(pairs), batch, step, seed)])
        return -(sums / counts).mean()

    return loss


def turn(count: int, batch: int, step: int, seed: int) -> list[int]:
    """Whose turn it is at a step: one shuffle after the other, each text once in each.

    >>> sorted(turn(4, 2, 0, seed=7) + turn(4, 2, 1, seed=7))
    [0, 1, 2, 3]
    """
    places = range(step * batch, (step + 1) * batch)
    shuffles = {n: _shuffled(count, n, seed) for n in {place // count for place in places}}
    return [shuffles[place // count][place % count] for place in places]


def _shuffled(count: int, number: int, seed: int) -> list[int]:
    numbers = list(range(count))
    random.Random(derive("turn", seed, number)).shuffle(numbers)
    return numbers
