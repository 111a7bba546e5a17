"""``assay report``: write the pages of a run folder."""

from pathlib import Path
from typing import Annotated

import typer

import assay
from assay.cli.left_out import name_damaged
from assay.cli.screen import say


def write(
    folder: Annotated[Path, typer.Argument(help="A run folder.", metavar="DIR", show_default=False)],
) -> None:
    """Write the report of a run folder as static HTML that needs no network, and print where it lies."""
    say(f"Report: {assay.write_report(folder)}")
    if name_damaged(folder):
        raise typer.Exit(1)
