"""The grid: a map for each method after each recovery, with the table's own numbers, and reasons for gaps."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from assay.report.evidence import Evidence, gather
from assay.report.grid_charts import thumbnail
from assay.report.grid_page import grid_file, gridded, overview
from assay.report.grids import Grid, HeatMap, grid, heat_map
from assay.report.site import write_report
from assay.results.table import table as make_table
from tests.report.pages import broken_links, measure_page, read_page
from tests.report.test_hostile import ATTACK, LITERAL
from tests.report.unlearn_run import BROKEN, LOST, STRENGTH, SUBJECTS, TOOLS, School, write_unlearn_run

BOOKS = School().books


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the job ``unlearn`` on two books."""
    return write_unlearn_run(tmp_path_factory.mktemp("unlearn") / "run")


@pytest.fixture(scope="module")
def evidence(folder: Path) -> Evidence:
    """The same, read for its report."""
    return gather(folder, make_table(folder, resamples=10))


@pytest.fixture(scope="module")
def site(folder: Path, evidence: Evidence) -> Path:
    """Its report."""
    return write_report(folder, table=evidence.table).parent


@pytest.fixture(scope="module")
def layout(evidence: Evidence) -> Grid:
    """What its maps have in common."""
    found = grid(evidence, "unlearn")
    assert found is not None
    return found


def _map(evidence: Evidence, layout: Grid, method: str, recovery: str) -> HeatMap:
    way = next(way for way in layout.ways if way.key == recovery)
    return heat_map(evidence, layout, method, way)


def test_every_cell_is_a_row_of_the_table(evidence: Evidence, layout: Grid) -> None:
    """Each number should be that of the exam that the organism's card names in this place."""
    cards = {card.id: card for card in evidence.table.organisms}
    for recovery in STRENGTH:
        for line in _map(evidence, layout, "npo", recovery).lines:
            exams = cards[line.book.organism].fault.details["exams"].split(", ")
            assert {cell.subject for cell in line.cells} == set(exams)
            for cell in line.cells:
                key = f"grid_{recovery}_{exams.index(cell.subject)}"
                assert cell.row == evidence.rows["unlearn", line.book.organism, "npo", key]


def test_a_books_own_exam_lies_on_the_diagonal(evidence: Evidence, layout: Grid) -> None:
    """Rows and columns should be in the same order, so that what is left of the books lies on it."""
    drawn = _map(evidence, layout, "rmu", "none")
    for place, line in enumerate(drawn.lines):
        assert line.book.title == layout.subjects[place]
        assert [i for i, cell in enumerate(line.cells) if cell.role == "own"] == [place]
        near = {cell.subject for cell in line.cells if cell.role == "near"}
        assert near == set([subject for subject in SUBJECTS if subject != line.book.title][:2])


def test_beneath_a_map_stand_the_tables_means(evidence: Evidence, layout: Grid) -> None:
    """The mean of the diagonal first, with its interval, then what came back and what was never taught."""
    sums = _map(evidence, layout, "rmu", "relearn").sums
    assert [measure.key for measure, _ in sums] == ["relearn_self", "relearn_recovered", "relearn_twin"]
    for measure, row in sums:
        assert row == evidence.rows["unlearn", "all", "rmu", measure.key]


def test_gaps_say_why(evidence: Evidence, layout: Grid) -> None:
    """A run that failed and a recovery without a hold should be told apart, each with its reason."""
    partly = _map(evidence, layout, BROKEN, "none")
    assert partly.known
    assert partly.lost == ((BOOKS[-1], "out of memory"),)
    wholly = _map(evidence, layout, BROKEN, LOST)
    assert not wholly.known
    assert [books for books, _ in wholly.lost] == list(BOOKS)
    assert LOST in wholly.lost[0][1]


def test_recoveries_that_nobody_was_put_to_are_left_out(evidence: Evidence, layout: Grid) -> None:
    """Neither the maps nor the tables should have a place for what this run did not try."""
    assert {way.key for way in layout.ways} == set(STRENGTH)
    assert "pruning_self" not in {measure.key for measure in evidence.measures("unlearn")}
    assert "robust" in {measure.key for measure in evidence.measures("unlearn")}


def test_what_is_only_drawn_stands_in_no_table(site: Path, evidence: Evidence) -> None:
    """No page should list a cell of the grid, or a point of a curve, as a measure."""
    keys = {key for key, said in evidence.table.meta["metrics"]["unlearn"].items() if said["drawn_only"]}
    assert keys
    assert not keys & {measure.key for measure in evidence.measures("unlearn")}
    for page in ("index.html", "methods/npo.html", f"organisms/{evidence.cards[0].id}.html"):
        text = (site / page).read_text(encoding="utf-8").split("<script")[0]
        assert "Exam 1:" not in text
        assert "grid_" not in text


def test_two_models_of_one_book_have_a_row_each(tmp_path: Path) -> None:
    """Their names should tell them apart; exams that a card does not name go by their number."""
    school = School(BOOKS[:1], SUBJECTS[:4], ("none",), seeds=2, details={"exams": "birdlore, gemcraft"})
    folder = write_unlearn_run(tmp_path / "run", replace(school, tools={"npo": TOOLS["npo"]}))
    found = gather(folder, make_table(folder, resamples=5))
    layout = grid(found, "unlearn")
    assert layout is not None
    assert [book.title for book in layout.books] == ["birdlore (seed 0)", "birdlore (seed 1)"]
    assert layout.subjects == ("birdlore", "gemcraft", "exam 2", "exam 3")


def test_other_jobs_have_no_grid(evidence: Evidence) -> None:
    """A job without such metrics, or a run in which none was measured, should have none."""
    assert grid(evidence, "monitor") is None
    assert grid(replace(evidence, table=replace(evidence.table, rows=())), "unlearn") is None


def test_a_thumbnail_draws_every_cell_once(evidence: Evidence, layout: Grid) -> None:
    """Strengths should share the known cells; each own exam has a frame, each unknown cell a stroke."""
    drawn = _map(evidence, layout, BROKEN, "none")
    small = thumbnail(drawn)
    squares = [square for _, path in small.shades for square in re.findall(r"M\d+ \d+", path)]
    cells = [cell for line in drawn.lines for cell in line.cells]
    assert len(squares) == len(set(squares))
    assert len(squares) == sum(
        cell.known and cell.row is not None and cell.row.estimate > 0 for cell in cells
    )
    assert small.own.count("M") == len(BOOKS)
    assert small.lost.count("M") == sum(not cell.known for cell in cells) == len(SUBJECTS)
    assert (small.columns, small.rows) == (len(SUBJECTS), len(BOOKS))


def test_front_page_leads_to_every_method_after_every_recovery(site: Path, evidence: Evidence) -> None:
    """One link for each, and none that leads nowhere, on the front page as on the pages of maps."""
    page = read_page((site / "index.html").read_text(encoding="utf-8"))
    wanted = {f"grids/unlearn.{key}.html#after-{way}" for key in TOOLS for way in STRENGTH}
    assert wanted - set(page.links) == {f"grids/unlearn.{BROKEN}.html#after-{LOST}"}
    assert f"grids/unlearn.{BROKEN}.html" in page.links
    assert "#grid" in page.links
    method = read_page((site / "methods" / "npo.html").read_text(encoding="utf-8"))
    assert "../grids/unlearn.npo.html" in method.links
    assert [broken_links(file) for file in (site / "index.html", *(site / "grids").iterdir())] == [[]] * 9


def test_a_methods_page_has_every_number(site: Path, evidence: Evidence, layout: Grid) -> None:
    """Each cell should stand there with interval and n, without a script."""
    page = read_page((site / grid_file(layout, "rmu")).read_text(encoding="utf-8"))
    assert "script" not in page.tags
    for way in layout.ways:
        assert f"after-{way.key}" in page.ids
        for line in heat_map(evidence, layout, "rmu", way).lines:
            assert f"../records/rmu.html#{line.record}" in page.links
            for cell in line.cells:
                assert cell.says.split(" ", 1)[1] in page.text


def test_the_best_method_is_shown_in_full(evidence: Evidence, layout: Grid) -> None:
    """As it is, and after the recovery with the largest number on the diagonal."""
    shown = overview(evidence, layout, "npo")
    worst = max(STRENGTH, key=lambda r: evidence.rows["unlearn", "all", "npo", f"{r}_self"].estimate)
    assert [drawn.way.key for drawn in shown["example"].maps] == ["none", worst]
    assert [one.method for _, entries in shown["groups"] for one in entries] == list(
        gridded(evidence, layout)
    )


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run in which book, exams, recovery, reason and key are attacks."""
    said = {"relearn": {"title": ATTACK, "does": ATTACK, "source": ATTACK, "formula": ATTACK}}
    tools = {key: TOOLS[key] for key in ("npo", BROKEN)} | {"<svg onload=alert(1)>/../x": TOOLS["rmu"]}
    named = {"book": ATTACK, "exams": f"{ATTACK}, {'w' * 90}, {ATTACK}", "neighbours": "w" * 90}
    school = School(BOOKS, SUBJECTS[:4], ("none", "relearn"), tools, said, named, error=ATTACK)
    folder = write_unlearn_run(tmp_path_factory.mktemp("attacked") / "run", school)
    return write_report(folder, table=make_table(folder, resamples=5)).parent


def test_attacks_stand_on_the_pages_of_maps_as_text(attacked: Path) -> None:
    """No element, handler, script or raw control character of the attack should be on any page."""
    assert len(list((attacked / "grids").iterdir())) == 3
    for page in (attacked / "index.html", *(attacked / "grids").iterdir()):
        text = page.read_text(encoding="utf-8")
        found = read_page(text)
        assert "img" not in found.tags
        assert (found.handlers, found.tags.count("title")) == ([], 1)
        assert found.tags.count("script") == (
            text.count("data-chart=") + 2 if page.name == "index.html" else 0
        )
        assert not [c for c in "\x1b\x07\x00\u202e\u2028" if c in text]
        assert LITERAL in found.text


@pytest.mark.browser
@pytest.mark.parametrize("name", ["index.html", "grids/unlearn.npo.html"])
def test_pages_with_maps_fit_a_phone(
    attacked: Path, name: str, tmp_path: Path, dump_dom: Callable[[Path], str]
) -> None:
    """At 360 pixels neither page should scroll sideways, however long the names, and all charts be drawn."""
    page = attacked / name
    charts = page.read_text(encoding="utf-8").count("data-chart=")
    assert measure_page(page, 360, tmp_path, dump_dom) == (0, charts)
