"""``assay plan``: every run that would be made, and its estimated cost."""

import json
from pathlib import Path
from typing import Annotated, Any

from typer import Option

import assay
from assay.cli.options import Shared, with_shared
from assay.cli.screen import grid, say
from assay.report.numbers import amount, count, duration
from assay.results.store import Store

COLUMNS = ("run", "kind", "access", "settings", "tokens", "FLOPs", "time", "done")


@with_shared
def show(
    asked: Shared,
    out: Annotated[
        Path | None, Option(help="A run folder: tell which runs it already holds.", metavar="DIR")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print the plan as one object.")] = False,
) -> None:
    """Print every run with its estimated cost. Nothing is executed or written."""
    planned = assay.plan(**vars(asked)).to_json()
    store = Store.open(out) if out and (out / "run.json").exists() else None
    for cell in planned["cells"]:
        cell["done"] = store is not None and store.holds(cell["run_id"])
    if as_json:
        say(json.dumps(planned, indent=1))
        return
    grid(COLUMNS, map(_row, planned["cells"]), numeric=COLUMNS[3:7])
    _sums(planned)


def _row(cell: dict[str, Any]) -> list[str]:
    return [
        cell["run_id"],
        cell["kind"],
        cell["access"],
        str(cell["settings"]),
        amount(cell["tokens"], ""),
        amount(cell["flops"], "FLOP"),
        duration(cell["seconds"]),
        "yes" if cell["done"] else "",
    ]


def _sums(planned: dict[str, Any]) -> None:
    for organism in planned["organisms"]:
        if organism["skipped"]:
            say(f"Not built: {organism['id']}, because {organism['skipped']}.")
    cells = [cell for cell in planned["cells"] if not cell["done"]]
    built = [organism for organism in planned["organisms"] if not organism["skipped"]]
    tokens, flops, seconds = (sum(cell[k] for cell in cells) for k in ("tokens", "flops", "seconds"))
    made = len(planned["cells"]) - len(cells)
    say(
        f"{count(len(cells), 'run')} to make on {count(len(built), 'organism')}"
        f"{f', {made} already made' if made else ''}: about {amount(tokens, '')} tokens, "
        f"{amount(flops, 'FLOP')} and {duration(seconds)} of one core if each ran alone. Runs that read the "
        f"same texts share passes: expect {duration(planned['expected_seconds'])} of one core in all. "
        f"{_building(planned['building_seconds'])}"
    )


def _building(seconds: float) -> str:
    """What comes before the runs."""
    if seconds:
        return f"Before that, models that are not in the cache are trained and proved: {duration(seconds)}."
    return "Building organisms that are not in the cache comes on top."
