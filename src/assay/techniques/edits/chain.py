"""Edits of weights that stand one on top of the other, each bound to what it meets."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from assay.core.errors import BadOption
from assay.model.changing.applying import applied
from assay.model.changing.deltas import Delta, Parts
from assay.model.changing.parameters import Model, digests, joined, parameters


@dataclass(frozen=True)
class Chain:
    """Deltas in their order, and the hash of the weights that the last of them leaves."""

    deltas: tuple[Delta, ...]
    end: str


def chained(target: Model, deltas: Sequence[Delta]) -> Chain:
    """The same changes, each bound to the weights with all before it on; the model stays as it is.

    ``base_1 = hash(w)``, ``base_n = hash(w + d_1 + ... + d_(n-1))``, rounded after each part as ``applied``
    rounds. What is added stays the same to the bit. Hashes the model once, and then what changes.

    Raises:
        BadOption: a delta of a parameter that the model lacks, or of another shape.

    >>> import torch
    >>> from torch import nn
    >>> from assay.model.changing.deltas import low_rank
    >>> ones = low_rank({"weight": (torch.ones(2, 1), torch.ones(1, 3))}, base="")
    >>> first, second = chained(model := nn.Linear(3, 2), [ones, ones]).deltas
    >>> with applied(model, first, second):
    ...     first.base == second.base
    False
    """
    names, weights = parameters(target)
    known = digests(weights)
    found: list[Delta] = []
    with ExitStack() as stack:
        for delta in deltas:
            found.append(replace(delta, base=joined(known)))
            stack.enter_context(applied(target, delta, any_base=True))
            known |= digests({names[name]: weights[names[name]] for name in delta.changes})
    return Chain(tuple(found), joined(known))


def merged(target: Model, deltas: Sequence[Delta], note: str = "") -> Delta:
    """One delta that does what several do in turn, to the bit; unlike ``compose`` it joins no factors.

    Raises:
        BadOption: no delta, or one of a parameter that the model lacks.
    """
    if not deltas:
        raise BadOption("there is no change of weights to save; give at least one delta")
    names, _ = parameters(target)
    changes: dict[str, Parts] = {}
    errors: dict[str, float] = {}
    for delta in deltas:
        own: dict[str, Parts] = {}
        for name, parts in delta.changes.items():
            if name not in names:
                raise BadOption(f"this model lacks {name}, which the delta changes; give the one it is for")
            if parts:
                own.setdefault(names[name], parts)  # a tied weight is changed once, whatever it is called
        for name, parts in own.items():
            changes[name] = (*changes.get(name, ()), *parts)
        for name, error in delta.errors.items():
            errors[name] = errors.get(name, 0.0) + error
    notes = dict.fromkeys(delta.note for delta in deltas if delta.note)
    return Delta("", changes, note or "; ".join(notes), errors)
