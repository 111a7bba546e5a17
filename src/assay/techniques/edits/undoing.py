"""Ways in which an edit may be lost without anybody meaning to: coarser weights, and further training."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from assay.access import WhiteHandle
from assay.core import Change, Edit
from assay.model.training.tuning import Lesson, Tuning
from assay.techniques.rounding import coarse

STEPS = 10
RATE = 1e-3
LESSONS = 16
Undoing = Callable[[Any, Change, Sequence[Edit]], Any]
"""(handle, change, facts outside the list) -> handle on the changed model after it was undone."""


def round_weights(handle: WhiteHandle, change: Change, spare: Sequence[Edit], *, bits: int) -> WhiteHandle:  # noqa: ARG001
    """The changed model with every matrix rounded."""
    return coarse(handle.changed(change), bits)


def train_on(handle: WhiteHandle, change: Change, spare: Sequence[Edit]) -> WhiteHandle:
    """The changed model after a short training on true facts that are not in the list."""
    changed = handle.changed(change)
    lessons = [Lesson(edit.prompt, f" {edit.old}") for edit in spare[:LESSONS]]
    if not lessons:
        return changed
    tuned = changed.tune(lessons, Tuning(steps=STEPS, lr=RATE, batch=LESSONS))
    return changed.changed(Change(deltas=(tuned.delta,)))


UNDOINGS: Mapping[str, Undoing] = {
    "int8": partial(round_weights, bits=8),
    "int4": partial(round_weights, bits=4),
    "training": train_on,
}
