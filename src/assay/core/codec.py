"""Frozen dataclasses to JSON and back, strictly: a field too many or too few is an error."""

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

T = TypeVar("T")
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Mismatch(ValueError):
    """The JSON does not have the shape of the class; the text names the path of the field."""


def dumps(value: Any) -> str:
    """Write a value as JSON with sorted keys; the same value always gives the same text.

    >>> dumps({"b": (1, 2), "a": float("nan")})
    '{"a":"NaN","b":[1,2]}'
    """
    return json.dumps(
        plain(value), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def plain(value: Any) -> Any:
    """Reduce a value to what JSON can hold.

    Dataclasses become objects, tuples lists, numpy scalars numbers, and non-finite floats the words ``NaN``,
    ``Infinity`` and ``-Infinity``. Raises ``Mismatch`` for anything else.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        if not all(isinstance(k, str) for k in value):
            raise Mismatch(f"only text can be a key in JSON; got {sorted(map(repr, value))[:3]}")
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    return _scalar(value.item() if isinstance(value, np.generic) else value)


def build(cls: type[T], data: Any) -> T:
    """Build ``cls`` from what ``plain`` made of it; lists become tuples where the class says so.

    Inside fields of type ``Any`` a tuple comes back as a list. Raises ``Mismatch``.

    >>> from assay.core import Price
    >>> build(Price, plain(Price(queries=3))).queries
    3
    """
    return _build(cls, data, cls.__name__)


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise Mismatch(f"a {type(value).__name__} cannot be stored as JSON")


def _build(kind: Any, data: Any, at: str) -> Any:
    """Dispatch on the declared type of one value; ``at`` is its path for messages."""
    if kind is Any:
        return data
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, data, at)
    if get_origin(kind) is None:
        return _build_scalar(kind, data, at)
    return _build_generic(kind, data, at)


def _build_generic(kind: Any, data: Any, at: str) -> Any:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if data is None else _build(next(a for a in args if a is not types.NoneType), data, at)
    if origin is Literal:
        return _expect(data in args, data, at, f"one of {', '.join(map(str, args))}")
    if origin is tuple:
        items: list[Any] = _expect(isinstance(data, list), data, at, "a list")
        if len(args) == 2 and args[1] is Ellipsis:
            args = (args[0],) * len(items)
        _expect(len(items) == len(args), data, at, f"{len(args)} values")
        return tuple(_build(a, v, f"{at}[{i}]") for i, (a, v) in enumerate(zip(args, items, strict=True)))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        pairs: dict[str, Any] = _expect(isinstance(data, dict), data, at, "an object")
        return {k: _build(args[1], v, f"{at}.{k}") for k, v in pairs.items()}
    raise Mismatch(f"{at}: fields of type {kind} cannot be stored")


def _build_scalar(kind: Any, data: Any, at: str) -> Any:
    if kind is float:
        if isinstance(data, str) and data in _SPECIAL:
            return _SPECIAL[data]
        return float(
            _expect(isinstance(data, int | float) and not isinstance(data, bool), data, at, "a number")
        )
    if kind is int:
        return _expect(isinstance(data, int) and not isinstance(data, bool), data, at, "a whole number")
    if kind in (str, bool):
        return _expect(isinstance(data, kind), data, at, f"a {kind.__name__}")
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(_expect(data in [m.value for m in kind], data, at, f"one of {[m.value for m in kind]}"))
    raise Mismatch(f"{at}: fields of type {kind} cannot be stored")


def _build_dataclass(kind: Any, data: Any, at: str) -> Any:
    given: dict[str, Any] = _expect(isinstance(data, dict), data, at, "an object")
    hints = _hints(kind)
    unknown, absent = sorted(given.keys() - hints.keys()), sorted(hints.keys() - given.keys())
    if unknown or absent:
        raise Mismatch(f"{at}: unknown fields {unknown or 'none'}, missing fields {absent or 'none'}")
    try:
        return kind(**{name: _build(hint, given[name], f"{at}.{name}") for name, hint in hints.items()})
    except Mismatch:
        raise
    except ValueError as error:  # the class's own checks, e.g. an estimate outside its interval
        raise Mismatch(f"{at}: {error}") from error


@lru_cache(maxsize=256)
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind) if f.init}


def _expect(holds: bool, data: Any, at: str, wanted: str) -> Any:
    if not holds:
        raise Mismatch(f"{at}: expected {wanted}, got {str(data)[:60]!r}")
    return data
