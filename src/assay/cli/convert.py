"""``assay convert``: other people's files of facts as cases for the job ``edit``."""

from pathlib import Path
from typing import Annotated

from typer import Argument

import assay
from assay.cli.screen import say
from assay.report.numbers import count


def write(
    source: Annotated[
        Path,
        Argument(help="A folder or archive of LRE relations, or a file of cases.", show_default=False),
    ],
    out: Annotated[Path, Argument(help="The file of cases to write.", metavar="OUT", show_default=False)],
) -> None:
    """Convert relations of the LRE data, CounterFact or zsRE to our own form, and name what is left out."""
    written = assay.convert(source, out)
    for line in written.left_out:
        say(f"Left out: {line}")
    say(f"{count(len(written.cases), 'case')} in {out}; use them with: assay run --job edit --cases {out}")
