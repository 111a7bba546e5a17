"""Put edits of weights on a model, for a while or for good, and take them off to the bit."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta, Parts, summed
from assay.model.changing.parameters import Model, Names, digests, joined, kind, parameters


@contextmanager
def applied(target: Model, *deltas: Delta, any_base: bool = False) -> Generator[None]:
    """Add deltas one after the other, and on exit put back every weight that they name, to the bit.

    w ← round(float32(w) + part) for each part. Each delta is checked against the weights that it meets, which
    hashes the model once, and then what has changed; ``any_base`` skips that. Needs room for two copies of
    what changes. Matrix products round differently from device to device, so what stands on top of a low-rank
    delta may be at home on one. Raises ``BadOption``, with the model untouched, for a delta of another base,
    of a parameter that the model lacks, or of another shape.

    >>> from torch import nn
    >>> from assay.model.changing.deltas import low_rank
    >>> from assay.model.changing.parameters import base_hash
    >>> model = nn.Linear(3, 2)
    >>> ones = low_rank({"weight": (torch.ones(2, 1), torch.ones(1, 3))}, base=base_hash(model))
    >>> with applied(model, ones):
    ...     inside = base_hash(model)
    >>> inside == base_hash(model)
    False
    """
    changed = _outcome(target, deltas, any_base)
    # copies, because subtracting the deltas would leave their rounding behind
    kept = {weight: weight.detach().clone() for weight in changed}
    try:
        _write(changed)
        del changed  # as large as all that is touched
        yield
    finally:
        _write(kept)


def apply(target: Model, *deltas: Delta, any_base: bool = False) -> None:
    """Add deltas for good, or none of them where one is refused; in all else like ``applied``.

    >>> from torch import nn
    >>> from assay.model.changing.deltas import between
    >>> from assay.model.changing.parameters import base_hash
    >>> model, wanted = nn.Linear(3, 2), nn.Linear(3, 2)
    >>> apply(model, between(model, wanted))
    >>> base_hash(model) == base_hash(wanted)
    True
    """
    # No undo record is handed out: it would hold a copy of the weights for as long as a caller forgets it.
    _write(_outcome(target, deltas, any_base))


def _outcome(target: Model, deltas: Sequence[Delta], any_base: bool) -> dict[Tensor, Tensor]:
    """What each touched weight becomes; nothing is written, so that a refusal leaves no trace."""
    names, weights = parameters(target)
    placed = [_placed(delta, names, weights) for delta in deltas]
    now = {name: weight.detach() for name, weight in weights.items()}
    known: dict[str, bytes] = {}
    for delta, changes in zip(deltas, placed, strict=True):
        if not any_base:
            known |= digests({name: now[name] for name in now.keys() - known.keys()})
            if (found := joined(known)) != delta.base:
                raise BadOption(
                    f"the delta '{delta.note}' belongs to base {delta.base}, and these weights are {found}; "
                    "apply it to its base, after what it was made on top of, or pass any_base"
                )
        for name, parts in changes.items():
            now[name] = summed(now[name], parts)
            known.pop(name, None)  # stale
    return {weights[name]: now[name] for changes in placed for name in changes}


@torch.no_grad()
def _write(values: Mapping[Tensor, Tensor]) -> None:
    for weight, value in values.items():
        weight.copy_(value)


def _placed(delta: Delta, names: Names, weights: Mapping[str, Tensor]) -> dict[str, Parts]:
    """The delta's parts under the names that weights go by here, tied ones once."""
    placed: dict[str, Parts] = {}
    for name, parts in delta.changes.items():
        if name not in names:
            raise BadOption(f"this model lacks {name}, which the delta changes; give the one it is for")
        weight = weights[names[name]].detach()
        for part in parts:
            if part.shape != weight.shape or not weight.is_floating_point():
                kinds = f"floats of shape {part.shape}, here it is {kind(weight)}"
                raise BadOption(f"the delta changes {name} as {kinds}; give the model it is for")
        other = placed.setdefault(names[name], parts)
        if other is not parts and not torch.equal(summed(weight, other), summed(weight, parts)):
            raise BadOption(f"{name} is tied to a parameter that the delta changes otherwise; change one")
    return placed
