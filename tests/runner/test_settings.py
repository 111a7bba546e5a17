"""Settings as people give them: read by the kind of the search space, refused where they cannot be meant."""

from typing import Any

import pytest

from assay.core import LAYERS, Access, Method
from assay.core.errors import BadOption
from assay.runner.settings import named_values, setting_of

METHOD = Method(
    "Stub", "edit", "method", Access.WHITE, "none", "none", "Nothing.", fit=lambda *_: None,  # type: ignore[arg-type]
    space={"layer": LAYERS, "lr": (0.1, 0.01), "how": ("a", "b"), "on": (True, False), "k": (1, None)},
    default={"layer": 0.5},
)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {}),
        ({"layer": "3"}, {"layer": 3}),
        ({"lr": "1"}, {"lr": 1.0}),
        ({"lr": 3e-4}, {"lr": 3e-4}),
        ({"how": "7"}, {"how": "7"}),
        ({"on": "false"}, {"on": False}),
        ({"k": "None"}, {"k": None}),
        ({"k": "12"}, {"k": 12}),
    ],
)
def test_values_are_read_by_the_kind_of_the_space(given: dict[str, Any], found: dict[str, Any]) -> None:
    """Text becomes what the search space holds, and everything else keeps its default."""
    default = METHOD.default_setting(4)
    assert setting_of(METHOD, 4, given) == {**default, **found}
    assert {name: type(value) for name, value in setting_of(METHOD, 4, given).items()} == {
        name: type(value) for name, value in {**default, **found}.items()
    }


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"rank": "1"}, "Stub has no such setting; it has layer, lr, how, on, k"),
        ({"layer": "5"}, "this model has layers 1 to 4"),
        ({"layer": "0"}, "this model has layers 1 to 4"),
        ({"layer": "2.5"}, "give a value like 1 to 4"),
        ({"lr": "fast"}, "--setting lr=fast: cannot be used; give a value like 0.1, 0.01"),
        ({"lr": "1 +"}, "cannot be used"),
        ({"on": "1"}, "cannot be used"),
        ({"how": 3}, "give a value like a, b"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], part: str) -> None:
    """The name, the value and what could be given stand in the sentence."""
    with pytest.raises(BadOption, match=part):
        setting_of(METHOD, 4, given)


@pytest.mark.parametrize("given", [["lr"], ["=3"], ["lr="], ["lr=1", "lr=2"]])
def test_a_setting_is_a_name_and_a_value(given: list[str]) -> None:
    """Each name once, with a value; values may hold further signs."""
    assert named_values(["how=a=b"]) == {"how": "a=b"}
    with pytest.raises(BadOption, match="give each name once, as name=value"):
        named_values(given)
