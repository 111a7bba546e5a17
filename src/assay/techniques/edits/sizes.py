"""How large an edit of weights is, parameter by parameter."""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta, Parts, summed
from assay.model.changing.parameters import Model, parameters


@dataclass(frozen=True)
class Size:
    """What an edit does to one parameter."""

    parameter: str
    shape: tuple[int, ...]
    rank: int | None
    """Columns of the factors, all parts together; None where a part has no factors."""
    values: int
    """Values that differ from 0 in the sum of all parts."""
    norm: float
    """Frobenius norm of the change."""
    relative: float | None
    """The same in units of the weight's own norm; None where no model was given, or its weight is 0."""

    @property
    def extent(self) -> str:
        """Rank, or the number of values, in words."""
        if self.rank is not None:
            return f"rank {self.rank}"
        return f"{self.values:,} of {prod(self.shape):,} values"


def sizes(delta: Delta, target: Model | None = None) -> tuple[Size, ...]:
    """The size of each parameter's change: ``||sum of parts||_F``, and the same over ``||W||_F``.

    Computed in float64, and before any rounding to the weight's own dtype.

    Raises:
        BadOption: the delta is for a parameter that the model lacks.

    >>> from assay.model.changing.deltas import low_rank
    >>> [one] = sizes(low_rank({"weight": (torch.ones(2, 1), torch.ones(1, 8))}, base=""))
    >>> one.extent, one.norm
    ('rank 1', 4.0)
    """
    names, weights = parameters(target) if target is not None else ({}, {})
    found: list[Size] = []
    for name, parts in delta.changes.items():
        if target is not None and name not in names:
            raise BadOption(f"this model lacks {name}, which the delta changes; give the one it is for")
        weight = weights[names[name]].detach() if target is not None else None
        if parts:
            found.append(_size(name, parts, weight))
    return tuple(found)


def total(found: tuple[Size, ...]) -> float:
    """Frobenius norm of the changes of all parameters together.

    >>> total((Size("a", (1,), None, 1, 3.0, None), Size("b", (1,), None, 1, 4.0, None)))
    5.0
    """
    return sum(one.norm**2 for one in found) ** 0.5


def _size(name: str, parts: Parts, weight: Tensor | None) -> Size:
    shape = parts[0].shape
    change = summed(torch.zeros(shape, dtype=torch.float64), parts)
    factors = [part.tensors[0].shape[1] for part in parts if part.form == "low_rank"]
    own = float(weight.double().norm()) if weight is not None else 0.0
    return Size(
        parameter=name,
        shape=shape,
        rank=sum(factors) if len(factors) == len(parts) else None,
        values=int(change.count_nonzero()),
        norm=float(change.norm()),
        relative=float(change.norm()) / own if own else None,
    )
