"""The command as a whole: its verbs, and what each way of ending prints and returns.

Exit codes: 0 all is well; 1 something failed that is named above (or a bug, with its trace); 2 bad input, in
one sentence; 130 stopped by Ctrl-C.
"""

import shlex
import sys
from collections.abc import Sequence

import typer

from assay.cli import build, check, convert, edit, edits, listing, plan, report, run, table
from assay.cli.screen import complain
from assay.core.errors import AssayError

STOPPED = 130
APP = typer.Typer(
    name="assay",
    help="Which interpretability tool does which job better than the plain alternative, at what price, and "
    "with how much access to the model?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
APP.command("list")(listing.show)
APP.command("plan")(plan.show)
APP.command("run")(run.execute)
APP.command("table")(table.show)
APP.command("report")(report.write)
APP.command("build")(build.make)
APP.command("edit")(edit.make)
APP.command("edits")(edits.show)
APP.command("convert")(convert.write)
APP.command("check")(check.inspect)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; an error that is not ours keeps its trace."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = APP(given, prog_name="assay", standalone_mode=False)
    except AssayError as error:
        complain(str(error))
        return 2
    except typer.TyperException as error:
        if error.format_message():  # empty where the help was printed instead
            complain(f"{error.format_message().rstrip('.')} (see 'assay --help')")
        return error.exit_code
    except KeyboardInterrupt:
        code = STOPPED
    if code == STOPPED:
        complain(f"stopped; nothing that was finished is lost, go on with: {shlex.join(['assay', *given])}")
    return int(code or 0)
