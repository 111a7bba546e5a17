"""What a table needs to know about methods, read from their files without running them."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from assay.core import Method
from assay.core.errors import AssayError
from assay.core.registry import Entry, entries


@dataclass(frozen=True)
class Listing:
    """The printed name of a method and, for a placebo, the methods that it stands in for."""

    title: str
    placebo_for: tuple[str, ...] = ()
    """Empty means all methods of the job."""


def catalogue(job: str) -> Mapping[str, Listing]:
    """List the registered methods and baselines of a job by key.

    A method that was removed since it ran is simply absent. Reading the source keeps torch, which most
    methods import, out of the process that makes tables; only a file that computes its title or its
    ``placebo_for`` is imported, and left out if that fails.
    """
    listed: dict[str, Listing] = {}
    for entry in (*entries("method", job), *entries("baseline", job)):
        listing = _read(entry) or _load(entry)
        if listing is not None:
            listed[entry.key] = listing
    return listed


def _read(entry: Entry) -> Listing | None:
    """What the file says literally; None if it says nothing or computes it."""
    said = entry.said
    try:
        title = ast.literal_eval(said["title"])
        stands_for = ast.literal_eval(said["placebo_for"]) if "placebo_for" in said else ()
    except (KeyError, ValueError):
        return None
    return Listing(str(title), tuple(map(str, stands_for)))


def _load(entry: Entry) -> Listing | None:
    try:
        method = entry.load()
    except (ImportError, AssayError):
        return None
    return Listing(method.title, method.placebo_for) if isinstance(method, Method) else None
