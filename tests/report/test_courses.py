"""What runs along a size or a depth: lines over the number of edits, and maps of where facts are stored."""

from dataclasses import replace
from pathlib import Path

import altair
import pytest

from assay.report.course_charts import course_chart
from assay.report.course_figures import course_figures, map_figures
from assay.report.evidence import Evidence, gather
from assay.report.figures import leaders
from assay.report.site import write_report
from assay.report.traces import ROLES
from tests.report.edit_run import LAYERS, ORGANISMS, SIZES, TOOLS, write_edit_run
from tests.report.pages import read_page


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """A run of the job ``edit``, read for its report."""
    return gather(write_edit_run(tmp_path_factory.mktemp("edit")))


def test_courses_hold_every_tool_at_every_size_with_its_interval(evidence: Evidence) -> None:
    """As many points as tools and sizes, each the table's own number; the best of each kind in colour."""
    named = leaders(evidence, "edit", evidence.measures("edit")[0])
    figures = course_figures(evidence, "edit", named)
    score = next(figure for figure in figures if figure.id == "course-score_said")
    points = score.spec["data"]["values"]
    sizes = {1.0: "single", 10.0: "few", 100.0: "many"}
    assert {(p["method"], p["x"]) for p in points} == {(evidence.title(k), x) for k in TOOLS for x in sizes}
    for point in points:
        key = next(k for k in TOOLS if evidence.title(k) == point["method"])
        row = evidence.rows["edit", "all", key, f"{sizes[point['x']]}_score_said"]
        assert (point["y"], point["low"], point["high"]) == (row.estimate, row.low, row.high)
        assert point["named"] == (key in named)
    assert figures[0].heading == "Scaling"
    assert not any(figure.heading for figure in figures[1:])


def test_courses_speak_in_the_words_of_their_panel(evidence: Evidence) -> None:
    """Those of one heading should stand together under it, behind its own introduction."""
    courses = evidence.table.meta["courses"]["edit"]
    said = {"heading": "Relearning: fast?", "intro": "How fast it comes back."}
    mixed = [courses[0], courses[1] | said, courses[2], courses[3] | said]
    meta = {**evidence.table.meta, "courses": {"edit": mixed}}
    figures = course_figures(replace(evidence, table=replace(evidence.table, meta=meta)), "edit", [])
    assert [(f.anchor, f.heading) for f in figures] == [
        ("scaling", "Scaling"), ("", ""), ("relearning-fast", "Relearning: fast?"), ("", ""),
    ]  # fmt: skip
    assert figures[0].intro.startswith("How each measure goes with the number of edits.")
    assert figures[2].intro.startswith("How fast it comes back.")


@pytest.mark.parametrize(("first", "scale"), [(1.0, "log"), (0.0, "symlog")])
def test_a_course_may_begin_at_nothing(first: float, scale: str) -> None:
    """An axis that reaches 0 should not be logarithmic there, where no logarithm is."""
    points = [
        {"method": "m", "x": x, "y": 0.5, "low": 0.4, "high": 0.6, "says": "", "named": True}
        for x in (first, 5.0, 40.0)
    ]
    spec = course_chart(points, ["m"], "steps", "credit", "words")
    altair.LayerChart.from_dict(spec, validate=True)
    drawn = spec["layer"][0]["encoding"]["x"]
    assert drawn["scale"]["type"] == scale
    assert drawn["axis"]["values"] == [first, 5.0, 40.0]


def test_a_map_has_a_cell_for_every_place_that_some_fact_has(evidence: Evidence) -> None:
    """Rows of parts and roles in their order, the one without facts left out, and editing below."""
    figures = map_figures(evidence, "edit")
    assert [figure.title for figure in figures] == [f"{name}.s0" for name in ORGANISMS]
    cells = figures[0].spec["data"]["values"]
    rows = list(dict.fromkeys(cell["row"] for cell in cells))
    kept = [role for role in ROLES if role != "middle subject"]
    assert rows == [
        *(f"stream: {r}" for r in kept),
        *(f"MLPs: {r}" for r in kept),
        "P(new) after an edit here",
    ]
    assert len(cells) == len(rows) * LAYERS
    assert "Agreement" in figures[0].caption


def test_a_damaged_map_is_said_to_be_lost(tmp_path: Path) -> None:
    """In the place of the drawing, with what to do; the rest of the page stands."""
    found = gather(write_edit_run(tmp_path / "run", {"trace": {"resid": [[1.0]]}, "edited": [0.1, 0.2]}))
    [first, _] = map_figures(found, "edit")
    assert "cannot be shown" in first.caption
    assert "run again" in first.caption


def test_the_front_page_shows_scaling_and_tracing(tmp_path: Path) -> None:
    """Both have a heading that the navigation leads to, and the headline table has the panel's metrics."""
    page = read_page(write_report(write_edit_run(tmp_path / "run")).read_text(encoding="utf-8"))
    assert {"#scaling", "#tracing"} <= set(page.links)
    for text in ("Scaling", "Where facts are stored", "Score in greedy replies, 10 edits"):
        assert text in page.text
    assert len(SIZES) == 3


def test_the_front_page_says_what_a_use_costs(tmp_path: Path) -> None:
    """Preparation, use and break-even of every entry but the rival."""
    page = read_page(write_report(write_edit_run(tmp_path / "run")).read_text(encoding="utf-8"))
    assert "What each use costs" in page.text
    assert "2 uses" in page.text
    assert "400 MFLOP" in page.text
