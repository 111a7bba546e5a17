"""Ways in which an edit may be lost without anybody meaning to: coarser weights, and further training."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change, Edit
from assay.model.changing.deltas import Delta, Part
from assay.model.training.tuning import Lesson, Tuning

STEPS = 10
RATE = 1e-3
LESSONS = 16
Undoing = Callable[[Any, Change, Sequence[Edit]], Any]
"""(handle, change, facts outside the list) -> handle on the changed model after it was undone."""


def rounded(weight: Float[Tensor, "out in"], bits: int) -> Float[Tensor, "out in"]:
    """Round to nearest with one step for each row: ``s round(w / s)``, ``s = max|w| / (2^(bits-1) - 1)``.

    The plainest quantisation there is, symmetric and without calibration (as in Dettmers et al. 2022,
    arXiv 2208.07339, before outliers are treated).

    >>> rounded(torch.tensor([[7.0, 2.6, -7.0]]), 4).tolist()
    [[7.0, 3.0, -7.0]]
    """
    most = 2 ** (bits - 1) - 1
    step = weight.abs().amax(1, keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny) / most
    return (weight / step).round().clamp(-most, most) * step


def round_weights(handle: WhiteHandle, change: Change, spare: Sequence[Edit], *, bits: int) -> WhiteHandle:  # noqa: ARG001
    """The changed model with every matrix rounded."""
    changed = handle.changed(change)
    weights = changed.parameters()
    parts: dict[str, tuple[Part, ...]] = {}
    for name in weights:
        weight = weights[name]
        if weight.ndim == 2:
            off = rounded(weight.float(), bits) - weight.float()
            parts[name] = (Part("dense", tuple(weight.shape), (off,)),)
    return changed.changed(Change(deltas=(Delta("", parts, f"rounded to {bits} bits"),)))


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
