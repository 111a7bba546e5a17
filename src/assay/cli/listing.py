"""``assay list``: what there is, read from the files without running them."""

import ast
import json
from collections.abc import Mapping
from typing import Annotated, Literal

from typer import Argument, Option

from assay.cli.screen import grid, say
from assay.core.registry import Entry, entries, find

Group = Literal["jobs", "methods", "baselines", "organisms", "recoveries"]
GROUPS: Mapping[Group, str] = {
    "jobs": "job",
    "methods": "method",
    "baselines": "baseline",
    "organisms": "organism",
    "recoveries": "recovery",
}


def show(
    what: Annotated[Group, Argument(help="What to list.", show_default=False)],
    job: Annotated[str | None, Option(help="Only what does this job.")] = None,
    as_json: Annotated[bool, Option("--json", help="Print a list of objects.")] = False,
) -> None:
    """List jobs, methods, baselines, organisms or recoveries with one line on each.

    Placebos are listed with the methods, floors and ceilings with the baselines.
    """
    if job:
        find("job", job)
    rows = [_row(entry) for entry in entries(GROUPS[what], job)]
    if as_json:
        say(json.dumps(rows, indent=1))
        return
    columns = list(rows[0]) if rows else ["name"]
    grid(columns, [[row[column] for column in columns] for row in rows])


def _row(entry: Entry) -> dict[str, str]:
    card = _card(entry) if entry.group in ("method", "baseline") else {}
    return {"name": entry.key, **card, "summary": entry.summary}


def _card(entry: Entry) -> dict[str, str]:
    """What stands in ``METHOD = Method(...)``; importing the file instead would import torch."""
    found = {"job": "", "kind": "", "access": ""}
    for name, value in entry.said.items():
        if name in found:
            # Access.WHITE is written "white" in records and tables
            found[name] = ast.unparse(value).strip("'\"").rpartition(".")[2].lower()
    return found
