"""Files of weight edits: safetensors with the hash of the base they belong to."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from assay.core.errors import BadOption, CannotWrite
from assay.model.changing.deltas import Delta, Part, Parts
from assay.model.changing.parameters import digests, joined

_SCHEMA = "1"


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


def _record(delta: Delta) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What a file tells of itself, with a digest of this and all tensors, and the tensors by their keys."""
    parts = [(name, part) for name, several in delta.changes.items() for part in several]
    forms = [(name, part.form, part.shape, len(part.tensors)) for name, part in parts]
    told = {"schema": _SCHEMA, "base": delta.base, "note": delta.note}
    told |= {"parts": json.dumps(forms), "errors": json.dumps(dict(delta.errors))}
    tensors = {f"{name}/{i}/{k}": x for i, (name, p) in enumerate(parts) for k, x in enumerate(p.tensors)}
    digest = joined(digests(tensors) | {"": json.dumps(told).encode()})
    return {**told, "digest": digest}, tensors
