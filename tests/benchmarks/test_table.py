"""Rows, targets and tables: every miss and every gap is in what people read."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.engine.benchmark import benchmark
from benchmarks.plan import Target
from benchmarks.rows import Row, verdict
from benchmarks.table import markdown, show, write_json

PEER = Row("case", "task", "peer 1.0", "peer", "", "measured", ratio=3.0, low=2.5, high=3.5, n=5)
EXPERT = replace(PEER, use="expert", ratio=1.5, low=1.4, high=1.6)
PLAIN = replace(PEER, kind="plain", peer="plain 1.0", ratio=2.0, ours_peak_mb=30.0, peer_peak_mb=20.0)
GONE = replace(PEER, peer="gone 1.0", status="missing", note="no index", ratio=None, low=None, high=None)
ROWS = [PEER, EXPERT, PLAIN, GONE]
FIELDS = [
    "case",
    "peer",
    "ratio",
    "low",
    "high",
    "ours_s",
    "peer_s",
    "ours_peak_mb",
    "peer_peak_mb",
    "n",
    "conditions",
]


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (Target("task", "best peer", "time", 1.4, at_most=False), 1.5, True),
        (Target("task", "best peer", "time", 1.6, at_most=False), 1.5, False),
        (Target("task", "best peer", "time", 2.9, at_most=False, use=""), 3.0, True),
        (Target("task", "plain", "time", 0.5, at_most=True), 0.5, True),
        (Target("task", "plain", "time", 0.49, at_most=True), 0.5, False),
        (Target("task", "plain", "memory", 1.4, at_most=True), 1.5, False),
    ],
)
def test_a_target_is_held_against_the_best_rival(target: Target, value: float, met: bool) -> None:
    """Of several uses the fastest decides, unless one is named; bounds belong to what is met."""
    found = verdict(target, ROWS)
    assert (found.value, found.met) == (pytest.approx(value), met)
    assert found.text.startswith("met" if met else "NOT MET")


def test_a_miss_says_why_and_how_sure_it_is() -> None:
    """The interval of a time stands beside it, turned round where it is; the reason only at a miss."""
    missed = Target("task", "best peer", "time", 4.0, at_most=False, use="", why="the wall")
    assert verdict(missed, ROWS).text.endswith("3.00 [2.50, 3.50] (peer 1.0); the wall")
    met = replace(missed, bound=2.0)
    assert verdict(met, ROWS).text.endswith("3.00 [2.50, 3.50] (peer 1.0)")
    share = Target("task", "plain", "time", 0.4, at_most=True)
    assert "0.50 [0.29, 0.40]" in verdict(share, ROWS).text
    assert "[" not in verdict(replace(share, what="memory"), ROWS).text


def test_a_target_without_a_measurement_is_not_met() -> None:
    """Nothing to compare with says so and counts as no success."""
    found = verdict(Target("other", "plain", "time", 1.0, at_most=True), ROWS)
    assert (found.value, found.met) == (None, False)
    assert found.text.startswith("not measured")


def test_json_has_the_fields_that_are_promised(tmp_path: Path) -> None:
    """A list of objects; what was not measured is null and not left out."""
    write_json(ROWS, tmp_path / "rows.json")
    found = json.loads((tmp_path / "rows.json").read_text())
    assert all(set(FIELDS) <= set(row) for row in found)
    assert [row["ratio"] for row in found] == [3.0, 1.5, 2.0, None]


@pytest.mark.parametrize("kind", ["terminal", "markdown"])
def test_misses_and_gaps_are_shown(kind: str) -> None:
    """The missing peer with its reason and the target that was missed are in every table."""
    verdicts = [verdict(Target("task", "best peer", "time", 1.6, at_most=False), ROWS)]
    if kind == "markdown":
        text = markdown(ROWS, verdicts, "Title")
    else:
        screen = StringIO()
        show(ROWS, verdicts, Console(width=80, file=screen))
        text = screen.getvalue()
    for said in ("peer 1.0", "expert", "2.50 to 3.50", "gone 1.0: missing: no index", "NOT MET"):
        assert said in text


def test_a_table_stands_for_each_task() -> None:
    """Assay leads each; all lines have the columns of the head, and a column without figures has no place."""
    page = markdown([*ROWS, replace(PEER, task="other", peer_gflop=2.0)], [], "Title")
    assert "- rounds (n): 5" in page
    tables = [[line for line in part.splitlines() if line[:1] == "|"] for part in page.split("## ")[1:3]]
    assert [{line.count("|") for line in table} for table in tables] == [{6}, {5}]
    assert [table[2].split()[1] for table in tables] == ["assay", "assay"]
    assert ["GFLOP" in table[0] for table in tables] == [False, True]


def test_every_target_names_a_task() -> None:
    """A target of a task that does not exist would never be held against anything."""
    whole = benchmark()
    assert {target.task for target in whole.targets} == {task.name for task in whole.tasks}
    assert {task.case for task in whole.tasks} == {
        "cache",
        "cache_small",
        "patch_sweep",
        "attribution",
        "stream",
    }
