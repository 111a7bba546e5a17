"""Rows for people: a table on the terminal, the same in Markdown, and all of it as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from benchmarks.rows import Row, Verdict

_HEAD = (
    "task",
    "beside",
    "used",
    "times ours",
    "95%",
    "s",
    "ours s",
    "peak MiB",
    "ours MiB",
    "GFLOP",
    "ours",
)


def show(rows: Sequence[Row], verdicts: Sequence[Verdict], console: Console) -> None:
    """Print all rows, then each target with whether it was met."""
    grid = Grid(box=SIMPLE_HEAD)
    for number, title in enumerate(_HEAD):
        grid.add_column(title, justify="left" if number < 3 else "right", overflow="fold")
    for row in rows:
        style = "bold" if row.kind == "peer" else "" if row.status == "measured" else "yellow"
        grid.add_row(*map(Text, cells(row)), style=style)
    console.print(grid)
    for line in left_out(rows):
        console.print(Text(line, "yellow"))
    for verdict in verdicts:
        console.print(Text(verdict.text, "green" if verdict.met else "red"))


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a list of objects, one a line."""
    lines = (json.dumps(row.json(), allow_nan=False) for row in rows)
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def markdown(rows: Sequence[Row], verdicts: Sequence[Verdict], title: str) -> str:
    """The page that the docs show."""
    lines = [f"# {title}", "", "Made by `make bench`; not edited by hand.", ""]
    for conditions in dict.fromkeys(tuple(row.conditions.get("machine", {}).items()) for row in rows):
        lines += [f"- {name}: {value}" for name, value in conditions]
    tasks = {row.task: row.conditions.get("task", "") for row in rows}
    lines += ["", *(f"- `{task}`: {said}" for task, said in tasks.items()), ""]
    lines += [
        "A ratio above 1 is their time over ours: so many times faster is Assay. The interval is that of the"
    ]
    lines += ["median over rounds. Peak is what one call adds to resident memory.", ""]
    lines += [_line(_HEAD), _line(["---"] * len(_HEAD)), *(_line(cells(row)) for row in rows)]
    lines += ["", *(f"- {line}" for line in left_out(rows))]
    lines += ["", "## Targets", "", *(f"- {verdict.text}" for verdict in verdicts)]
    return "\n".join(lines) + "\n"


def cells(row: Row) -> list[str]:
    """One row in words and rounded numbers."""
    interval = f"{row.low:.2f} to {row.high:.2f}" if row.low is not None and row.high is not None else ""
    return [
        row.task, row.peer, row.use, _number(row.ratio, 2) or row.status, interval,
        _number(row.peer_s, 4), _number(row.ours_s, 4), _number(row.peer_peak_mb, 0),
        _number(row.ours_peak_mb, 0), _number(row.peer_gflop, 1), _number(row.ours_gflop, 1),
    ]  # fmt: skip


def left_out(rows: Sequence[Row]) -> list[str]:
    """What was not measured, and why; nothing is left out silently."""
    return [
        f"{row.task}, {row.peer}{f' ({row.use})' if row.use else ''}: {row.status}: {row.note}"
        for row in rows
        if row.status != "measured"
    ]


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
