"""``assay check``: the contract suite on one file, ours or a stranger's, or on every entry."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli.screen import say
from assay.core import Job, Method
from assay.core.registry import FOLDERS, entries, load_file


def inspect(
    file: Annotated[
        Path | None,
        typer.Argument(help="A Python file that defines METHOD, JOB or RECIPE.", show_default="every entry"),
    ] = None,
) -> None:
    """Run the contract suite on one file, or on every entry.

    It asks whether an entry keeps its word: access, determinism, its card, what it imports.
    """
    broken = 0
    for path in [file] if file else _all_files():
        found, checked = _contract(path)
        failed = [line for line in found if not line.passed]
        broken += bool(failed)
        say(f"{'FAIL' if failed else 'ok  '}  {checked}  {path.stem}  ({len(found)} checks)")
        for line in found:
            if line.reason:
                say(f"      {'broken' if not line.passed else 'note'}  {line.name}: {line.reason}")
    if broken:
        raise typer.Exit(1)


def _all_files() -> Iterator[Path]:
    return (entry.path for group in FOLDERS for entry in entries(group))


def _contract(path: Path) -> tuple[list[Any], str]:
    # the suite's mock model is made of torch, which the other verbs can do without
    suite = importlib.import_module("assay.testing")
    entry = load_file(path)
    if isinstance(entry, Method):
        return suite.check_method(path), entry.kind
    if isinstance(entry, Job):
        return suite.check_job(path), "job"
    return suite.check_organism(path), "organism"
