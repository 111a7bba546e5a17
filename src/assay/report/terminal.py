"""Prints a table of results to a terminal; text from models and strangers cannot act on it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from assay.core import Kind
from assay.report.numbers import amount, count, duration, fixed, signed
from assay.report.visible import visible
from assay.results.rows import Comparison, Reply, Row, Table

COLOURS: Mapping[Kind, str] = {
    "method": "blue",
    "baseline": "yellow",
    "placebo": "magenta",
    "floor": "bright_black",
    "ceiling": "bright_black",
}
VERDICT_COLOURS = {"wins": "green", "loses": "red", "no winner": "bright_black"}
DIM = "bright_black"
TWIN = "@twin"


@dataclass(frozen=True)
class _Columns:
    """The metrics that a compact table shows."""

    first: str
    """Metric of the estimate and of the differences."""
    second: str
    """Recall at 1% false alarms where the job has it, else its second metric; may be empty."""
    titles: Mapping[str, str]


def print_table(table: Table, console: Console) -> None:
    """Print one compact table for each job: methods by kind, best first, with intervals, verdicts and cost.

    Runs on clean twins are left out; the written report shows them.
    """
    for job in dict.fromkeys(row.job for row in table.rows):
        console.print(_grid(table, job))
        for note in _notes(table, job):
            console.print(note)
        for reply in table.replies:
            if reply.job == job:
                # a line that is cut stays one line where it is searched or sent on
                console.print(_reply(table, reply), soft_wrap=True)
    if not table.rows:
        console.print(Text("No finished report runs."))
    for card in table.invalid:
        failing = "; ".join(f"{line.claim}: {line.score.text}" for line in card.failures)
        console.print(_safe(f"not scored: {card.id} ({failing or 'a run reported it as invalid'})", "yellow"))


def _grid(table: Table, job: str) -> Grid:
    rows = {(r.method, r.metric): r for r in table.rows if r.job == job and r.organism == "all"}
    columns = _columns(table, job)
    compared = {
        c.method: c
        for c in table.comparisons
        if (c.job, c.organism, c.metric, c.against_kind) == (job, "all", columns.first, "baseline")
    }
    organisms = {r.organism for r in table.rows if r.job == job} - {"all"}
    grid = Grid(
        title=_safe(f"{job}: mean over {count(len(organisms), 'organism')}, 95% intervals"),
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    grid.add_column("method", ratio=1)
    grid.add_column(_safe(columns.titles[columns.first]), min_width=14)
    if columns.second:
        grid.add_column(_safe(columns.titles[columns.second]), min_width=14)
    grid.add_column("against the best baseline", min_width=16)
    grid.add_column("cost of a run", min_width=9)
    kind: Kind | None = None
    for method in dict.fromkeys(method for method, _ in rows):
        if method.endswith(TWIN) or (method, columns.first) not in rows:
            continue
        first, second = rows[method, columns.first], rows.get((method, columns.second))
        if first.kind != kind:
            grid.add_section()
        kind = first.kind
        grid.add_row(*_cells(first, second, compared.get(method), bool(columns.second)))
    return grid


def _cells(first: Row, second: Row | None, against: Comparison | None, both: bool) -> list[Text]:
    """Cells of two lines each: a number above its interval."""
    name = _safe(first.title, COLOURS[first.kind]) + Text("\n") + _safe(f"{first.kind}, {first.access}", DIM)
    cells = [name, _estimate(first)]
    if both:
        cells.append(_estimate(second) if second else Text("–"))
    if against:
        verdict = Text(against.verdict, style=VERDICT_COLOURS[against.verdict])
        interval = f"\n[{signed(against.low)}, {signed(against.high)}]"
        cells.append(Text(f"{signed(against.difference)} ") + verdict + Text(interval, style=DIM))
    else:
        cells.append(Text("–"))
    return [*cells, Text(_cost(first))]


def _reply(table: Table, reply: Reply) -> Text:
    """A question with its answer in one line, the rival under its title."""
    compared = reply.comparison
    titles = {row.method: row.title for row in table.rows if row.job == reply.job}
    named = replace(compared, against=titles.get(compared.against, compared.against))
    line = replace(reply, comparison=named).line
    return _safe(f"{reply.question} — ", "bold") + _safe(line, VERDICT_COLOURS[compared.verdict])


def _columns(table: Table, job: str) -> _Columns:
    metrics = list(dict.fromkeys(row.metric for row in table.rows if row.job == job))
    known = table.meta.get("metrics", {}).get(job, {})
    titles = {metric: str(known.get(metric, {}).get("title", metric)) for metric in metrics}
    others = [m for m in metrics if m == "recall_at_1pct_fpr"] or metrics[1:2]
    return _Columns(metrics[0], others[0] if others else "", titles)


def _estimate(row: Row) -> Text:
    if math.isnan(row.estimate):
        return _safe(row.status.replace("_", " "), "yellow")
    return Text(fixed(row.estimate)) + Text(f"\n[{fixed(row.low)}, {fixed(row.high)}]", style=DIM)


def _cost(row: Row) -> str:
    prepare, use = row.cost.get("prepare", {}), row.cost.get("use", {})
    flops = prepare.get("flops", math.nan) + use.get("flops", math.nan)
    seconds = prepare.get("wall_s", math.nan) + use.get("wall_s", math.nan)
    return f"{amount(flops, 'FLOP')}\n{duration(seconds)}"


def _notes(table: Table, job: str) -> list[Text]:
    """Reasons behind missing or partial numbers of the first metric, each once."""
    first = _columns(table, job).first
    noted = dict.fromkeys(
        (row.title, row.note)
        for row in table.rows
        if (row.job, row.organism, row.metric) == (job, "all", first) and row.note
    )
    return [
        _safe(f"{title}: {note}", "bright_black")
        for title, note in noted
        if not title.endswith("on the clean twin")
    ]


def _safe(text: str, style: str = "") -> Text:
    """Text without control characters; a plain string would also be read for rich's own markup."""
    return Text(visible(text), style=style)
