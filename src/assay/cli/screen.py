"""What all verbs print with. Text from models and strangers cannot act on the terminal."""

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from assay.report.visible import visible

NO_TERMINAL = 200
"""Columns of a table that is sent to a file or a pipe, where nothing wraps or is cut."""


def say(line: str = "") -> None:
    """Print one line of plain text."""
    print(visible(line, lines=True), flush=True)


def complain(sentence: str) -> None:
    """Print one sentence for people on stderr."""
    print(f"assay: {visible(' '.join(sentence.split()))}", file=sys.stderr, flush=True)


def screen() -> Console:
    """The terminal; a file or a pipe gets wide lines instead of cut ones."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=NO_TERMINAL)


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[str] = ()) -> None:
    """Print rows under headings; ``numeric`` names the columns that are set flush right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    right = set(numeric)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    screen().print(table)
