"""Edits of weights that can be put on, stacked, taken off to the bit, and kept in files."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from hashlib import blake2b
from math import inf, prod
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, Int, Shaped
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from assay.core.errors import BadOption, CannotWrite
from assay.model.engine import Engine

Model = Engine | nn.Module
Weights = Model | Mapping[str, Tensor]
"""A model, or its parameters by name."""
Parts = tuple["Part", ...]
Factors = tuple[Float[Tensor, "out r"], Float[Tensor, "r in"]]
Entries = tuple[Sequence[int], Int[Tensor, " k"], Float[Tensor, " k"]]
_Names = Mapping[str, str]

_SCHEMA = "1"
_ROUNDS = 8
"""Two reach any float32; the fewer digits a float has, the more it takes."""


@dataclass(frozen=True, eq=False)
class Part:
    """One summand of a parameter's change; raises ``BadOption`` where its tensors do not fit together.

    A dense part holds (values,), a sparse one (flat indices "k", values "k"), where repeated indices add up,
    a low-rank one (left "out r", right "r in") for left @ right, whichever way round the parameter is stored.
    """

    form: Literal["dense", "sparse", "low_rank"]
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
        if not fits:
            shapes = " and ".join(str(tuple(tensor.shape)) for tensor in self.tensors)
            raise BadOption(f"tensors of shapes {shapes} make no {self.form} change of shape {self.shape}")

    def added_to(self, weight: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
        """Weight + part in float32 (float64 for such weights), rounded to the weight's dtype."""
        total = weight.to(_wide(weight), copy=True, memory_format=torch.contiguous_format)
        first, *rest = (tensor.to(total.device) for tensor in self.tensors)
        if self.form == "sparse":  # the rest is not touched: adding 0.0 would turn -0.0 into 0.0
            total.view(-1).index_add_(0, first, rest[0].to(total.dtype))
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
    """Frobenius norm of what low-rank forms leave out of a change, at most; absent where that is nothing."""

    def __neg__(self) -> "Delta":
        turned = {name: tuple(-part for part in parts) for name, parts in self.changes.items()}
        return replace(self, changes=turned)


def base_hash(weights: Weights) -> str:
    """Hash of all parameters: 32 hexadecimal digits, the same on every device and in every order.

    blake2b over the sorted (name, blake2b(dtype, shape, bytes)). A tied parameter counts once, under its last
    name in the alphabet; a model's buffers do not count. Reads every weight on one core, anew in each call:
    weights change in place, so that no remembered hash could be trusted.

    >>> model = nn.Linear(2, 1)
    >>> base_hash(model) == base_hash(model.state_dict()) != base_hash(nn.Linear(2, 1))
    True
    """
    return _joined(_digests(_parameters(weights)[1]))


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


def between(before: Weights, after: Weights, *, rank: int | None = None, note: str = "") -> Delta:
    """Delta that leads from one state to another, to the bit but for the sign of zeros.

    Dense or sparse, whichever is smaller. With ``rank``, matrices larger than their factors keep the leading
    terms of the SVD of their change, and ``errors`` tells what that leaves out. Beside a model the other side
    may be its ``state_dict``; two mappings should name each parameter once. Raises ``BadOption`` where names,
    shapes or dtypes differ, and for a change that is no finite number.

    >>> before, after = {"w": torch.zeros(4, 4)}, {"w": torch.ones(4, 4).triu()}
    >>> round(between(before, after, rank=1).errors["w"], 3)
    1.307
    """
    if rank is not None and rank < 1:
        raise BadOption(f"rank {rank} keeps nothing; give at least 1")
    names, _ = _parameters(after if isinstance(before, Mapping) else before)
    (_, old), (_, new) = _parameters(before, names), _parameters(after, names)
    if lone := old.keys() ^ new.keys():
        raise BadOption(f"{min(lone)} is there on one side only; give two states of one model")
    changes: dict[str, Parts] = {}
    errors: dict[str, float] = {}
    for name, tensor in old.items():
        start, end = tensor.detach().cpu(), new[name].detach().cpu()
        if _kind(start) != _kind(end):
            raise BadOption(f"{name} is {_kind(start)} before and {_kind(end)} after; bring both to one kind")
        change = end.to(_wide(end)) - start
        smaller = change.ndim == 2 and (rank or inf) * sum(change.shape) < change.numel()
        if smaller and 0 < change.norm() < inf:
            u, s, vh = torch.linalg.svd(change, full_matrices=False)
            factors = u[:, :rank] * s[:rank], vh[:rank].clone()
            changes[name] = (Part("low_rank", tuple(change.shape), factors),)
            errors[name] = float((change - factors[0] @ factors[1]).norm())
        elif parts := _difference(name, start, end):
            changes[name] = parts
    return Delta(_joined(_digests(old)), changes, note, errors)


@contextmanager
def applied(target: Model, *deltas: Delta, any_base: bool = False) -> Generator[None]:
    """Add deltas one after the other, and on exit put back every weight that they name, to the bit.

    w ← round(float32(w) + part) for each part. Each delta is checked against the weights that it meets, which
    hashes the model once, and then what has changed; ``any_base`` skips that. Needs room for two copies of
    what changes. Matrix products round differently from device to device, so what stands on top of a low-rank
    delta may be at home on one. Raises ``BadOption``, with the model untouched, for a delta of another base,
    of a parameter that the model lacks, or of another shape.

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

    >>> model, wanted = nn.Linear(3, 2), nn.Linear(3, 2)
    >>> apply(model, between(model, wanted))
    >>> base_hash(model) == base_hash(wanted)
    True
    """
    # No undo record is handed out: it would hold a copy of the weights for as long as a caller forgets it.
    _write(_outcome(target, deltas, any_base))


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


def save(delta: Delta, path: Path) -> None:
    """Write a delta as safetensors, whole or not at all; raises ``CannotWrite`` where the system refuses.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save(Delta("b0", {}, "changes nothing"), Path(folder, "d.safetensors"))
    ...     load_delta(Path(folder, "d.safetensors"))
    Delta(base='b0', changes={}, note='changes nothing', errors={})
    """
    told, tensors = _record(delta)
    # cloned because safetensors refuses tensors that share memory, as those of compose(d, d) may
    copies = {key: tensor.cpu().contiguous().clone() for key, tensor in tensors.items()}
    partial = path.with_name(path.name + ".partial")
    try:
        save_file(copies, partial, told)
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        raise CannotWrite(f"{path} cannot be written ({error}); choose another place") from error


def load_delta(path: Path) -> Delta:
    """Read what ``save`` wrote, as shown there; raises ``BadOption`` for a missing, damaged or older file."""
    changes: dict[str, Parts] = {}
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            if told.get("schema") != _SCHEMA:
                raise ValueError(f"its schema is {told.get('schema')}, here it is {_SCHEMA}")
            for i, (name, form, shape, count) in enumerate(json.loads(told["parts"])):
                tensors = tuple(file.get_tensor(f"{name}/{i}/{k}") for k in range(count))
                changes[name] = (*changes.get(name, ()), Part(form, tuple(shape), tensors))
        delta = Delta(told["base"], changes, told["note"], json.loads(told["errors"]))
        if _record(delta)[0] != told:
            raise ValueError("it has changed since it was saved")
    except (OSError, SafetensorError, BadOption, KeyError, ValueError, TypeError) as error:
        raise BadOption(f"{path}: no delta can be read there ({error}); save it again") from error
    return delta


def _outcome(target: Model, deltas: Sequence[Delta], any_base: bool) -> dict[Tensor, Tensor]:
    """What each touched weight becomes; nothing is written, so that a refusal leaves no trace."""
    names, weights = _parameters(target)
    placed = [_placed(delta, names, weights) for delta in deltas]
    now = {name: weight.detach() for name, weight in weights.items()}
    digests: dict[str, bytes] = {}
    for delta, changes in zip(deltas, placed, strict=True):
        if not any_base:
            digests |= _digests({name: now[name] for name in now.keys() - digests.keys()})
            if (found := _joined(digests)) != delta.base:
                raise BadOption(
                    f"the delta '{delta.note}' belongs to base {delta.base}, and these weights are {found}; "
                    "apply it to its base, after what it was made on top of, or pass any_base"
                )
        for name, parts in changes.items():
            now[name] = _sum(now[name], parts)
            digests.pop(name, None)  # stale
    return {weights[name]: now[name] for changes in placed for name in changes}


@torch.no_grad()
def _write(values: Mapping[Tensor, Tensor]) -> None:
    for weight, value in values.items():
        weight.copy_(value)


def _placed(delta: Delta, names: _Names, weights: Mapping[str, Tensor]) -> dict[str, Parts]:
    """The delta's parts under the names that weights go by here, tied ones once."""
    placed: dict[str, Parts] = {}
    for name, parts in delta.changes.items():
        if name not in names:
            raise BadOption(f"this model lacks {name}, which the delta changes; give the one it is for")
        weight = weights[names[name]].detach()
        for part in parts:
            if part.shape != weight.shape or not weight.is_floating_point():
                kinds = f"floats of shape {part.shape}, here it is {_kind(weight)}"
                raise BadOption(f"the delta changes {name} as {kinds}; give the model it is for")
        other = placed.setdefault(names[name], parts)
        if other is not parts and not torch.equal(_sum(weight, other), _sum(weight, parts)):
            raise BadOption(f"{name} is tied to a parameter that the delta changes otherwise; change one")
    return placed


def _parameters(weights: Weights, names: _Names | None = None) -> tuple[_Names, dict[str, Tensor]]:
    """The name that counts for each name of a parameter, and the parameters under the names that count."""
    if isinstance(weights, Engine):
        weights = weights.model
    if isinstance(weights, nn.Module):
        weights = dict(weights.named_parameters(remove_duplicate=False))
    if names is None:
        # what is tied shares memory, one object or not; only memory that exists has an address
        places = {name: (x.data_ptr() or id(x), x.shape, x.stride()) for name, x in weights.items()}
        last = {places[name]: name for name in sorted(weights)}
        names = {name: last[place] for name, place in places.items()}
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        same = found.setdefault(names.get(name, name), tensor)
        if same is not tensor and not torch.equal(same.cpu(), tensor.cpu()):
            raise BadOption(f"{name} and {names[name]} are tied on one side only; tie both or neither")
    return names, found


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


def _sum(weight: Tensor, parts: Parts) -> Tensor:
    return reduce(lambda total, part: part.added_to(total), parts, weight)


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)


def _kind(tensor: Tensor) -> str:
    return f"{tensor.dtype} of shape {tuple(tensor.shape)}"


def _digests(tensors: Mapping[str, Tensor]) -> dict[str, bytes]:
    digests = {name: blake2b(_kind(tensor).encode(), digest_size=16) for name, tensor in tensors.items()}
    for name, tensor in tensors.items():  # one at a time on the CPU
        digests[name].update(tensor.detach().cpu().flatten().contiguous().view(torch.uint8).numpy().data)
    return {name: digest.digest() for name, digest in digests.items()}


def _joined(digests: Mapping[str, bytes]) -> str:
    whole = blake2b(digest_size=16)
    for name in sorted(digests):
        whole.update(name.encode() + b"\0" + digests[name])
    return whole.hexdigest()


def _record(delta: Delta) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What a file tells of itself, with a digest of this and all tensors, and the tensors by their keys."""
    parts = [(name, part) for name, several in delta.changes.items() for part in several]
    forms = [(name, part.form, part.shape, len(part.tensors)) for name, part in parts]
    told = {"schema": _SCHEMA, "base": delta.base, "note": delta.note}
    told |= {"parts": json.dumps(forms), "errors": json.dumps(dict(delta.errors))}
    tensors = {f"{name}/{i}/{k}": x for i, (name, p) in enumerate(parts) for k, x in enumerate(p.tensors)}
    digest = _joined(_digests(tensors) | {"": json.dumps(told).encode()})
    return {**told, "digest": digest}, tensors
