"""What the file of a book declares."""

from dataclasses import dataclass

FILE = "file"
"""Stands for the textbook that the user gives."""


@dataclass(frozen=True)
class BookRecipe:
    """One book to be forgotten. The file's name is its key."""

    title: str
    does: str
    """What the book holds, in one sentence for the reader of a report."""
    subject: str
    """A subject of the school, or ``file``."""
    quick: bool = False
    """Whether the quick suite holds it."""
