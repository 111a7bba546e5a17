"""``assay run``: make the runs of a plan, print the table, write the report."""

from pathlib import Path
from typing import Annotated

import typer

import assay
from assay.cli.left_out import name_damaged
from assay.cli.options import Shared, with_shared
from assay.cli.screen import complain, say, screen
from assay.report.terminal import print_table


@with_shared
def execute(
    asked: Shared,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The run folder; what it holds is not done again.", metavar="DIR", show_default="runs/SUITE"
        ),
    ] = None,
) -> None:
    """Make the runs that 'assay plan' lists, then print the table and write the report.

    A run that was stopped or killed goes on where it stood when the same command is given again.
    """
    done = assay.run(out or Path("runs") / asked.suite, **vars(asked))
    measured = done.table()
    print_table(measured, screen())
    damaged = name_damaged(done.folder)
    for run_id in done.failed:
        complain(f"the run {run_id} failed; its error stands in {done.folder / 'records' / run_id}.json")
    say(f"Report: {done.write_report(measured)}")
    if done.failed or damaged or not measured.organisms:
        raise typer.Exit(1)
