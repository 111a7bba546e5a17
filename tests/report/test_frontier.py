"""The frontier of robust forgetting shows the table's numbers, and joins those that nothing beats at both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair
import pytest

from assay.report.charts import says
from assay.report.evidence import Evidence, gather
from assay.report.figure import Figure
from assay.report.frontier import frontier_chart, frontier_figures
from assay.results.table import table as make_table
from tests.report.unlearn_run import SUBJECTS, TOOLS, School, Tool, write_unlearn_run


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """A run of the job ``unlearn``, read for its report."""
    folder = write_unlearn_run(tmp_path_factory.mktemp("unlearn") / "run")
    return gather(folder, make_table(folder, resamples=10))


@pytest.fixture(scope="module")
def figures(evidence: Evidence) -> dict[str, Figure]:
    """The drawings by id."""
    return {figure.id: figure for figure in frontier_figures(evidence, "unlearn")}


def _points(figure: Figure) -> dict[str, Mapping[str, Any]]:
    return {point["method"]: point for point in figure.spec["data"]["values"]}


@pytest.mark.parametrize("kept", ["kept", "kept_neighbour"])
def test_every_entry_stands_at_the_tables_numbers(
    evidence: Evidence, figures: dict[str, Figure], kept: str
) -> None:
    """Methods, baselines, placebos, floors and ceilings, with both intervals and the price of a run."""
    points = _points(figures[f"frontier-{kept}"])
    assert set(points) == {evidence.title(key) for key in TOOLS}
    for key, tool in TOOLS.items():
        point = points[evidence.title(key)]
        across, down = (evidence.rows["unlearn", "all", key, metric] for metric in (kept, "left"))
        assert (point["kept"], point["kept_low"], point["kept_high"]) == (
            across.estimate, across.low, across.high,
        )  # fmt: skip
        assert (point["left"], point["left_low"], point["left_high"]) == (down.estimate, down.low, down.high)
        assert point["kind"] == tool.kind
    assert points[evidence.title("undo")]["priced"] == "9.09 TFLOP"


def test_the_line_joins_what_no_tool_beats_at_both(evidence: Evidence, figures: dict[str, Figure]) -> None:
    """Compared pair by pair; floors, ceilings and placebos are shown, but are no rivals."""
    points = _points(figures["frontier-kept"])
    tools = [point for point in points.values() if point["kind"] in ("method", "baseline")]
    unbeaten = {
        one["method"]
        for one in tools
        if not any(
            other["kept"] >= one["kept"] and other["left"] <= one["left"] and other != one for other in tools
        )
    }
    assert {name for name, point in points.items() if point["best"]} == unbeaten
    caption = figures["frontier-kept"].caption
    for name in unbeaten:
        assert f"({points[name]['mark']}) {name}" in caption
    assert "Grey: (f1)" in caption
    assert "95% intervals over" in caption


def test_every_mark_is_printed_once_and_none_on_another(figures: dict[str, Figure]) -> None:
    """Those that stand in one place share their words."""
    for figure in figures.values():
        points = list(_points(figure).values())
        printed = [mark for point in points if point["label"] for mark in point["label"].split(", ")]
        assert sorted(printed) == sorted(point["mark"] for point in points if point["mark"])


def test_marks_in_one_place_are_printed_together() -> None:
    """And those that are far apart on either axis are not."""
    made = [
        {"mark": mark, "kept": kept, "left": left}
        | {f"{field}_{end}": 0.5 for field in ("kept", "left") for end in ("low", "high")}
        for mark, kept, left in (("1", 0.9, 0.3), ("2", 0.91, 0.31), ("", 0.9, 0.3), ("3", 0.9, 0.9))
    ]
    drawn = frontier_chart(made, "kept", "alt")["data"]["values"]
    assert [point["label"] for point in drawn] == ["1, 2", "", "", "3"]


def test_forgetting_goes_upwards(figures: dict[str, Figure]) -> None:
    """What is left is drawn downwards, so that no number is made, and the axis counts from the other end."""
    layers = figures["frontier-kept"].spec["layer"]
    for layer in layers:
        y = layer["encoding"]["y"]
        assert y["scale"]["reverse"] is True
        assert "1 - datum.value" in y["axis"]["labelExpr"]


def test_every_drawing_is_valid_and_has_words(figures: dict[str, Figure]) -> None:
    """Altair's schema should accept it; the first carries heading, introduction and legend."""
    for figure in figures.values():
        altair.LayerChart.from_dict(dict(figure.spec), validate=True)
        assert figure.spec["description"]
    first, second = figures.values()
    assert (first.anchor, first.legend, second.heading) == ("frontier", "all kinds", "")
    assert first.intro


def test_a_placebo_beyond_the_line_is_named(tmp_path: Path) -> None:
    """That the insight is not needed should be said in words, not only drawn."""
    tools = {key: TOOLS[key] for key in ("refusal_prompt", "fine_tuning_on_rest")}
    tools["weight_noise"] = Tool("placebo", 1.0, 1.0, 1.0)
    folder = write_unlearn_run(tmp_path / "run", School(recoveries=("none",), tools=tools))
    [figure, *_] = frontier_figures(gather(folder, make_table(folder, resamples=5)), "unlearn")
    assert "Placebos beyond the line: " in figure.caption


def test_a_floor_that_keeps_nothing_is_named_but_not_drawn(tmp_path: Path) -> None:
    """It would press all others into a corner; its number should stand in the words instead."""
    tools = {**TOOLS, "chance": Tool("floor", 1.0, 1.0, 0.0)}
    folder = write_unlearn_run(tmp_path / "run", School(SUBJECTS[:4], recoveries=("none",), tools=tools))
    found = gather(folder, make_table(folder, resamples=10))
    [figure, *_] = frontier_figures(found, "unlearn")
    assert set(_points(figure)) == {found.title(key) for key in TOOLS}
    row = found.rows["unlearn", "all", "chance", "kept"]
    assert f"Not drawn, for they keep less than the drawing shows: {found.title('chance')}, {says(row)}." in (
        figure.caption
    )


def test_one_organism_is_said_to_be_one(tmp_path: Path) -> None:
    """Intervals over the questions of one book should not be taken for intervals over books."""
    tools = {key: TOOLS[key] for key in ("npo", "refusal_prompt")}
    school = School(books=School().books[:1], recoveries=("none",), tools=tools)
    folder = write_unlearn_run(tmp_path / "run", school)
    [figure, *_] = frontier_figures(gather(folder, make_table(folder, resamples=5)), "unlearn")
    assert "over 1 organism (of one organism: over its questions)" in figure.caption


def test_other_jobs_have_no_frontier(evidence: Evidence) -> None:
    """A job that does not measure both should have none."""
    assert frontier_figures(evidence, "monitor") == []
