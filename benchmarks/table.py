"""Rows for people: a table on the terminal, the same in Markdown, and all of it as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from benchmarks.rows import Row, Verdict

_HEAD = ("who", "used", "times ours", "95%", "s", "peak MiB", "GFLOP", "of peak")


def show(rows: Sequence[Row], verdicts: Sequence[Verdict], console: Console) -> None:
    """Print a table for each task, then each target with whether it was met."""
    for task, those in by_task(rows).items():
        grid = Grid(box=SIMPLE_HEAD, title=f"{task}: {_conditions(those)}", title_justify="left")
        head, *lines = lines_of(those)
        for number, name in enumerate(head):
            grid.add_column(name, justify="left" if number < 2 else "right", overflow="fold")
        for line, kind in zip(lines, ["ours", *(row.kind for row in those)], strict=True):
            grid.add_row(*map(Text, line), style={"ours": "green", "peer": "bold"}.get(kind, ""))
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
    lines += [f"- rounds (n): {n}" for n in dict.fromkeys(row.n for row in rows if row.n)]
    lines += [
        "",
        "A ratio above 1 is their time over ours: so many times faster is Assay. The interval is that of the",
        "median over rounds. Peak is what one call adds to resident memory. GFLOP counts products of dense",
        "matrices, and the share of peak is of the fastest such product on this machine.",
    ]
    for task, those in by_task(rows).items():
        head, *below = lines_of(those)
        lines += ["", f"## {task}", "", _conditions(those), ""]
        lines += [_line(head), _line(["---"] * len(head)), *map(_line, below)]
    lines += ["", *(f"- {line}" for line in left_out(rows))]
    lines += ["", "## Targets", "", *(f"- {verdict.text}" for verdict in verdicts)]
    return "\n".join(lines) + "\n"


def by_task(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each task, tasks in the order in which they were done."""
    return {task: [row for row in rows if row.task == task] for task in dict.fromkeys(r.task for r in rows)}


def lines_of(rows: Sequence[Row]) -> list[list[str]]:
    """A head, Assay, then everybody who did the same task; columns that would be empty are left out."""
    one = next((row for row in rows if row.status == "measured"), rows[0])
    ours = ["assay", "", "", "", *_figures(one.ours_s, one.ours_peak_mb, one.ours_gflop, one.peak_gflops)]
    whole = [list(_HEAD), ours, *map(_cells, rows)]
    filled = [place for place, column in enumerate(zip(*whole[1:], strict=True)) if any(column)]
    return [[line[place] for place in filled] for line in whole]


def _conditions(rows: Sequence[Row]) -> str:
    return rows[0].conditions.get("task", "")


def _cells(row: Row) -> list[str]:
    interval = f"{row.low:.2f} to {row.high:.2f}" if row.low is not None and row.high is not None else ""
    figures = _figures(row.peer_s, row.peer_peak_mb, row.peer_gflop, row.peak_gflops)
    return [row.peer, row.use, _number(row.ratio, 2) or row.status, interval, *figures]


def _figures(seconds: float | None, peak: float | None, gflop: float | None, most: float | None) -> list[str]:
    share = gflop / seconds / most if gflop and seconds and most else None
    return [_number(seconds, 4), _number(peak, 0), _number(gflop, 1), _number(share, 2)]


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
