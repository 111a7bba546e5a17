"""The contract of a handle: what its access level forbids cannot be reached by any public door."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from assay.access.door import NEEDS
from assay.core import Access
from assay.core.errors import AccessDenied
from assay.testing.fake_model import FakeModel
from assay.testing.results import Broken, CheckResult, run_checks

GREY_DOORS = tuple(name for name, needed in NEEDS.items() if needed is Access.GREY)
WHITE_DOORS = tuple(name for name, needed in NEEDS.items() if needed is Access.WHITE)
OTHER_DOORS = (
    "model",
    "tokenizer",
    "engine",
    "network",
    "module",
    "weights",
    "named_parameters",
    "state_dict",
    "embeddings",
    "lm_head",
    "logits",
    "hidden_states",
    "attentions",
    "backward",
    "forward",
    "hooks",
    "register_forward_hook",
    "config",
)
"""Names under which models and their insides usually go; no black or grey handle may answer to one."""
DEPTH = 4
_ARGUMENTS: tuple[tuple[Any, ...], ...] = ((), (["a"],), (["a"], [1]), (["a"], 1), (["a"], ["b"]))


def check_access(handle: Any, access: Access) -> list[CheckResult]:
    """Try every public door of a black or grey handle: names, ``dir``, ``vars``, copies and pickles.

    A door is shut if it raises ``AccessDenied`` or does not exist. For a white handle there is nothing to
    deny.
    """
    if access is Access.WHITE:
        return [CheckResult("access", True, "not checked: a white handle may reach everything")]
    shut = (*(() if access.includes(Access.GREY) else GREY_DOORS), *WHITE_DOORS, *OTHER_DOORS)
    checks: list[tuple[str, Callable[[], str]]] = [(f"door:{n}", partial(_shut, handle, n)) for n in shut]
    checks += [
        ("nothing_inside_reach", partial(_no_model_within, handle)),
        ("no_copy", partial(_no_other_door, handle, copy.copy, shut)),
        ("no_deep_copy", partial(_no_other_door, handle, copy.deepcopy, shut)),
        ("no_pickle", partial(_no_other_door, handle, pickle.dumps, shut)),
    ]
    return run_checks(checks)


def _shut(handle: Any, name: str) -> str:
    try:
        found = getattr(handle, name)
    except (AccessDenied, AttributeError):
        return ""
    if not callable(found):
        raise Broken(f"handle.{name} gives a {type(found).__name__}")
    for arguments in _ARGUMENTS:
        try:
            got = found(*arguments)
        except AccessDenied:
            return ""
        except TypeError:
            continue
        raise Broken(f"handle.{name} can be called and gives a {type(got).__name__}")
    raise Broken(f"handle.{name} exists and does not refuse")


def _no_model_within(handle: Any) -> str:
    path = _path_to_model(handle, DEPTH, set())
    if path:
        raise Broken(f"handle{path} reaches the model")
    return ""


def _no_other_door(handle: Any, make: Callable[[Any], Any], shut: tuple[str, ...]) -> str:
    """The copy is refused, or is a handle that keeps all the same doors shut."""
    try:
        made = make(handle)
    except (AccessDenied, TypeError, AttributeError, pickle.PicklingError):
        return ""
    if isinstance(made, bytes):
        raise Broken("the handle can be pickled, and its bytes hold what it holds")
    for name in shut:
        _shut(made, name)
    return _no_model_within(made)


def _path_to_model(value: Any, depth: int, seen: set[int]) -> str:
    """How a model, a tensor or a tokenizer is reached through attributes, or an empty string."""
    if id(value) in seen or depth < 0:
        return ""
    seen.add(id(value))
    for name, part in _parts(value):
        if _is_inside(part):
            return name
        path = _path_to_model(part, depth - 1, seen)
        if path:
            return name + path
    return ""


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, str | bytes | int | float | type | None):
        return []
    if isinstance(value, dict):
        return [(f"[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [(f"[{i}]", part) for i, part in enumerate(value)]
    names = [n for n in dir(value) if not n.startswith("_")]
    found: list[tuple[str, Any]] = []
    for name in [*names, "__dict__", "__self__"]:
        try:
            found.append((f".{name}", getattr(value, name)))
        except Exception:
            continue
    return found


def _is_inside(value: Any) -> bool:
    if isinstance(value, torch.nn.Module | torch.Tensor | FakeModel):
        return True
    return any(
        base.__module__.split(".")[0] in ("transformers", "tokenizers") for base in type(value).__mro__
    )
