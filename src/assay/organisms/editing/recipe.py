"""What the file of a list of edits declares."""

from dataclasses import dataclass
from typing import Literal

from assay.world.rewrites import Family

FILE = "file"
"""Stands for the list that the user gives."""


@dataclass(frozen=True)
class EditRecipe:
    """One list of facts to be changed. The file's name is its key."""

    title: str
    does: str
    """What the list holds, in one sentence for the reader of a report."""
    family: Family | Literal["file"]
    quick: bool = True
    """Whether the quick suite holds it."""
