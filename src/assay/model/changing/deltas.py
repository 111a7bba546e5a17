"""Edits of weights as sums of parts, in full or in a shorter form, bound to the weights they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from math import inf, prod
from typing import Literal

import torch
from jaxtyping import Float, Int, Shaped, UInt8
from torch import Tensor
from torch.nn.functional import pad

from assay.core.errors import BadOption
from assay.model.changing.parameters import Weights, digests, joined, kind, parameters

Parts = tuple["Part", ...]
Factors = tuple[Float[Tensor, "out r"], Float[Tensor, "r in"]]
Entries = tuple[Sequence[int], Int[Tensor, " k"], Float[Tensor, " k"]]

_GROUP = 32
"""Values that share one step when they are kept in four bits."""
_ROUNDS = 8
"""Two reach any float32; the fewer digits a float has, the more it takes."""


@dataclass(frozen=True, eq=False)
class Part:
    """One summand of a parameter's change; raises ``BadOption`` where its tensors do not fit together.

    A dense part holds (values,), a sparse one (flat indices "k", values "k"), where repeated indices add up,
    a low-rank one (left "out r", right "r in") for left @ right, whichever way round the parameter is stored.
    One in four bits holds (codes "group 16", steps "group"): each half of a byte, less 8, counts the steps of
    one value, 32 values to a group, in the order in which the parameter lies in memory.
    """

    form: Literal["dense", "sparse", "low_rank", "four_bits"]
    shape: tuple[int, ...]
    tensors: tuple[Tensor, ...] = field(repr=False)

    def __post_init__(self) -> None:
        first, last = self.tensors[0], self.tensors[-1]
        fits = first.shape == self.shape
        if self.form == "low_rank":
            fits = first.ndim == last.ndim == 2 and first.shape[1] == last.shape[0]
        elif self.form == "sparse":
            inside = (first >= 0) & (first < prod(self.shape))
            fits = first.ndim == 1 and first.shape == last.shape and bool(inside.all())
        elif self.form == "four_bits":
            groups = -(-prod(self.shape) // _GROUP)
            fits = (first.shape, last.shape) == ((groups, _GROUP // 2), (groups,))
        if not fits:
            shapes = " and ".join(str(tuple(tensor.shape)) for tensor in self.tensors)
            raise BadOption(f"tensors of shapes {shapes} make no {self.form} change of shape {self.shape}")

    def added_to(self, weight: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
        """Weight + part in float32 (float64 for such weights), rounded to the weight's dtype."""
        total = weight.to(_wide(weight), copy=True, memory_format=torch.contiguous_format)
        first, *rest = (tensor.to(total.device) for tensor in self.tensors)
        if self.form == "sparse":  # the rest is not touched: adding 0.0 would turn -0.0 into 0.0
            total.view(-1).index_add_(0, first, rest[0].to(total.dtype))
        elif self.form == "four_bits":
            total.view(-1).add_(_unpacked(first, rest[0].to(total.dtype))[: total.numel()])
        else:
            total += first.to(total.dtype) @ rest[0].to(total.dtype) if rest else first
        return total.to(weight.dtype)

    def __neg__(self) -> "Part":
        return replace(self, tensors=(*self.tensors[:-1], -self.tensors[-1]))


@dataclass(frozen=True, eq=False)
class Delta:
    """A change of named parameters, bound to the weights that it was made for.

    ``-delta`` turns the change around on the same base. It undoes nothing: (w + d) - d differs from w in
    floats, so what must come off to the bit is put on with ``applied``.

    >>> -low_rank({"weight": (torch.ones(2, 1), torch.ones(1, 3))}, base="b0", note="all up")
    Delta(base='b0', changes={'weight': (Part(form='low_rank', shape=(2, 3)),)}, note='all up', errors={})
    """

    base: str
    """``base_hash`` of the weights that it belongs to."""
    changes: Mapping[str, Parts]
    """Summands per parameter, added in this order."""
    note: str = ""
    errors: Mapping[str, float] = field(default_factory=dict[str, float])
    """Frobenius norm of what shorter forms leave out of a change, at most; absent where that is nothing."""

    def __neg__(self) -> "Delta":
        turned = {name: tuple(-part for part in parts) for name, parts in self.changes.items()}
        return replace(self, changes=turned)


def low_rank(changes: Mapping[str, Factors], *, base: str, note: str = "") -> Delta:
    """Delta that adds left @ right to each named matrix; raises ``BadOption`` as ``Part`` does.

    >>> low_rank({"weight": (torch.ones(2, 1), torch.ones(1, 3))}, base="b0").changes
    {'weight': (Part(form='low_rank', shape=(2, 3)),)}
    """
    made: dict[str, Parts] = {}
    for name, (left, right) in changes.items():
        factors = left.detach().clone(), right.detach().clone()
        made[name] = (Part("low_rank", (len(left), right.shape[-1]), factors),)
    return Delta(base, made, note)


def sparse(changes: Mapping[str, Entries], *, base: str, note: str = "") -> Delta:
    """Delta that adds values at flat indices of parameters; raises ``BadOption`` as ``Part`` does.

    >>> sparse({"weight": ((2, 3), torch.tensor([5]), torch.tensor([0.1]))}, base="b0").changes
    {'weight': (Part(form='sparse', shape=(2, 3)),)}
    """
    made: dict[str, Parts] = {}
    for name, (shape, indices, values) in changes.items():
        entries = indices.detach().long().clone(), values.detach().clone()
        made[name] = (Part("sparse", tuple(shape), entries),)
    return Delta(base, made, note)


def between(
    before: Weights,
    after: Weights,
    *,
    rank: int | None = None,
    four_bits: bool = False,
    note: str = "",
) -> Delta:
    """Delta that leads from one state to another, to the bit but for the sign of zeros.

    Dense or sparse, whichever is smaller. With ``rank``, matrices larger than their factors keep the leading
    terms of the SVD of their change; with ``four_bits`` they keep all of it, rounded to a seventh of the
    largest value among 32 neighbours. What either leaves out ``errors`` tells. Beside a model the other side
    may be its ``state_dict``; two mappings should name each parameter once. Raises ``BadOption`` where names,
    shapes or dtypes differ, for a change that is no finite number, and for both shorter forms at once.

    >>> before, after = {"w": torch.zeros(4, 4)}, {"w": torch.ones(4, 4).triu()}
    >>> round(between(before, after, rank=1).errors["w"], 3)
    1.307
    """
    if rank is not None and rank < 1:
        raise BadOption(f"rank {rank} keeps nothing; give at least 1")
    if rank is not None and four_bits:
        raise BadOption("a change is kept either in leading terms or in four bits; give rank or four_bits")
    names, _ = parameters(after if isinstance(before, Mapping) else before)
    (_, old), (_, new) = parameters(before, names), parameters(after, names)
    if lone := old.keys() ^ new.keys():
        raise BadOption(f"{min(lone)} is there on one side only; give two states of one model")
    changes: dict[str, Parts] = {}
    errors: dict[str, float] = {}
    for name, tensor in old.items():
        start, end = tensor.detach().cpu(), new[name].detach().cpu()
        if kind(start) != kind(end):
            raise BadOption(f"{name} is {kind(start)} before and {kind(end)} after; bring both to one kind")
        change = end.to(_wide(end)) - start
        smaller = change.ndim == 2 and (four_bits or (rank or inf) * sum(change.shape) < change.numel())
        if smaller and 0 < change.norm() < inf:
            part = _four_bits(change) if four_bits else _leading(change, rank)
            changes[name] = (part,)
            errors[name] = float((change - part.added_to(torch.zeros_like(change))).norm())
        elif parts := _difference(name, start, end):
            changes[name] = parts
    return Delta(joined(digests(old)), changes, note, errors)


def compose(*deltas: Delta) -> Delta:
    """One delta equal to several, one after the other; joined factors differ by float rounding.

    [L1 L2] @ [R1; R2] = L1 @ R1 + L2 @ R2 where low-rank parts follow each other; other parts stay apart. The
    base is that of the first: whether the others would meet theirs only ``applied`` sees, if given them
    singly. Raises ``BadOption`` for no deltas.

    >>> one = low_rank({"weight": (torch.ones(2, 1), torch.ones(1, 3))}, base="b0")
    >>> [tuple(factor.shape) for factor in compose(one, one).changes["weight"][0].tensors]
    [(2, 2), (2, 3)]
    """
    if not deltas:
        raise BadOption("nothing to compose; give at least one delta")
    changes: dict[str, Parts] = {}
    for delta in deltas:
        for name, parts in delta.changes.items():
            changes[name] = reduce(_appended, parts, changes.get(name, ()))
    errors = {name: sum(d.errors.get(name, 0.0) for d in deltas) for one in deltas for name in one.errors}
    return Delta(deltas[0].base, changes, "; ".join(delta.note for delta in deltas if delta.note), errors)


def summed(weight: Tensor, parts: Parts) -> Tensor:
    """A weight with a change's parts added, one after the other."""
    return reduce(lambda total, part: part.added_to(total), parts, weight)


def _leading(change: Float[Tensor, "out in"], rank: int | None) -> Part:
    """The first terms of a matrix's SVD."""
    u, s, vh = torch.linalg.svd(change, full_matrices=False)
    return Part("low_rank", tuple(change.shape), (u[:, :rank] * s[:rank], vh[:rank].clone()))


def _four_bits(change: Float[Tensor, "out in"]) -> Part:
    """Every value in steps of a seventh of its group's largest, two values to a byte."""
    groups = pad(change.flatten(), (0, -change.numel() % _GROUP)).view(-1, _GROUP)
    steps = (groups.abs().amax(1) / 7).bfloat16()
    smallest = torch.finfo(torch.float32).tiny  # a group of zeros has no step
    codes = groups / steps[:, None].to(groups.dtype).clamp_min(smallest)
    codes = (codes.round().clamp(-7, 7) + 8).to(torch.uint8)
    return Part("four_bits", tuple(change.shape), (codes[:, ::2] << 4 | codes[:, 1::2], steps))


def _unpacked(codes: UInt8[Tensor, "group 16"], steps: Float[Tensor, " group"]) -> Float[Tensor, " k"]:
    values = torch.stack([codes >> 4, codes & 15], -1).flatten(1).to(steps.dtype) - 8
    return (values * steps[:, None]).flatten()


def _difference(name: str, start: Tensor, end: Tensor) -> Parts:
    """Parts that lead from start to end; what one misses for lack of digits is left to the next."""
    parts: list[Part] = []
    for _ in range(_ROUNDS):
        wrong = start != end
        if not bool(wrong.any()):
            return tuple(parts)
        # adding -0.0 changes no float, adding 0.0 would turn -0.0 into 0.0
        gap = (end.to(_wide(end)) - start).to(end.dtype).where(wrong, -0.0)
        places = wrong.flatten().nonzero().flatten()
        if len(places) * (places.itemsize + gap.itemsize) < gap.nbytes:
            parts.append(Part("sparse", tuple(gap.shape), (places, gap.flatten()[places])))
        else:
            parts.append(Part("dense", tuple(gap.shape), (gap,)))
        start = parts[-1].added_to(start)
    raise BadOption(f"{name}: the change is no finite number everywhere; look for NaN and infinity")


def _appended(parts: Parts, part: Part) -> Parts:
    if not parts or (parts[-1].form, part.form, parts[-1].shape) != ("low_rank", "low_rank", part.shape):
        return (*parts, part)
    (left, right), (more_left, more_right) = parts[-1].tensors, part.tensors
    factors = torch.cat([left, more_left], 1), torch.cat([right, more_right], 0)
    return (*parts[:-1], replace(part, tensors=factors))


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)
