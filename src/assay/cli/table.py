"""``assay table``: the numbers of a run folder, for people or for programs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import assay
from assay.cli.left_out import name_damaged, name_invalid
from assay.cli.screen import say, screen
from assay.report.terminal import print_table
from assay.results.disk import cannot_write


def show(
    folder: Annotated[Path, typer.Argument(help="A run folder.", metavar="DIR", show_default=False)],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all rows as a JSON list, one row a line.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Write all rows to a CSV file.", metavar="FILE")] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Write all rows to a Parquet file.", metavar="FILE")
    ] = None,
) -> None:
    """Print the headline table of a run folder, or export every row.

    A number that could not be measured is null in JSON and empty in CSV; its row says why.
    """
    measured = assay.table(folder)
    for path, write in ((csv, measured.to_csv), (parquet, measured.to_parquet)):
        if path is not None:
            _export(path, write)
    if as_json:
        rows = (json.dumps(row, allow_nan=False) for row in measured.to_json())
        say("[\n" + ",\n".join(rows) + "\n]")
        name_invalid(measured.invalid)
    elif csv is None and parquet is None:
        print_table(measured, screen())
    if name_damaged(folder):
        raise typer.Exit(1)


def _export(path: Path, write: Callable[[Path], None]) -> None:
    try:
        write(path)
    except OSError as error:
        raise cannot_write(path, error) from error
