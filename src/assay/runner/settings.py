"""A method's setting as a person gives it: what differs from the default, checked by the search space."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from assay.core import LAYERS, Method
from assay.core.errors import BadOption


def named_values(given: Sequence[str]) -> dict[str, str]:
    """Split ``name=value``; raises ``BadOption`` for anything else, and for a name that comes twice.

    >>> named_values(["layer=3", "rank=1"])
    {'layer': '3', 'rank': '1'}
    """
    found: dict[str, str] = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not (name and sign and value) or name in found:
            raise BadOption(f"--setting {one}: give each name once, as name=value, e.g. layer=3")
        found[name] = value
    return found


def setting_of(method: Method, n_layers: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """The default setting with what was given in its place.

    Text is read as a value of the kind that stands in the search space. Any value of that kind will do, but a
    layer must be one of the model's.

    Raises:
        BadOption: a name that the method does not have, or a value of another kind.
    """
    setting = method.default_setting(n_layers)
    for name, value in given.items():
        if name not in setting:
            known = ", ".join(setting) or "none"
            raise BadOption(f"--setting {name}: {method.title} has no such setting; it has {known}")
        axis = method.space.get(name, ())
        known = tuple(range(1, n_layers + 1)) if axis == LAYERS else (*axis, setting[name])
        try:
            setting[name] = _read(value, known)
        except ValueError:
            shown = f"1 to {n_layers}" if axis == LAYERS else ", ".join(map(str, dict.fromkeys(known)))
            raise BadOption(f"--setting {name}={value}: cannot be used; give a value like {shown}") from None
        if axis == LAYERS and setting[name] not in known:
            raise BadOption(
                f"--setting {name}={value}: this model has layers 1 to {n_layers}; give one of them"
            )
    return setting


def _read(value: Any, known: Sequence[Any]) -> Any:
    """A value of the kind of the known ones; raises ValueError."""
    kinds = {type(one) for one in known}
    if isinstance(value, str) and str not in kinds:
        try:
            value = ast.literal_eval(value.capitalize() if kinds == {bool} else value)
        except SyntaxError as error:
            raise ValueError(value) from error
    if type(value) is int and int not in kinds and float in kinds:
        return float(value)
    if type(value) not in kinds:
        raise ValueError(value)
    return value
