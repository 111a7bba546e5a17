"""The edits of one organism with what surrounds them; only runner and job read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.core.answer import Change
from assay.core.edit import Edit, EditCase


@dataclass(frozen=True)
class Sizes:
    """How many edits are made in which way; lists that are shorter are used as they are."""

    single: int = 8
    """Edits made one at a time, each on the model as it was."""
    few: int = 10
    """Edits made at once."""
    many: int = 100
    """Edits made at once."""
    sequence: int = 8
    """Edits made one after the other, each on what the ones before have left."""
    long: int = 0
    """Edits made at once, of which only the damage is measured; 0 for none."""
    select: int = 10
    """Edits made at once to choose settings by."""


@dataclass(frozen=True, eq=False)
class EditList:
    """The edits of one organism, decided before any tool is seen, and what surrounds them."""

    cases: tuple[EditCase, ...]
    unrelated: tuple[str, ...] = ()
    """Texts that say nothing of the list, on which nothing should change."""
    spare: tuple[Edit, ...] = ()
    """Facts outside the list, for demonstrations and for rehearsal; what is new in them is made up."""
    long: tuple[Edit, ...] = ()
    """A longer list, without questions."""
    frame: str = "New fact: {fact}.\n"
    """How a context states a fact to this model."""
    retrained: Any = None
    """Delta to a model that was trained from the start where the list is true; None if there is none."""
    sizes: Sizes = Sizes()
    undoings: Mapping[str, Callable[[Any, Change, tuple[Edit, ...]], Any]] = field(default_factory=lambda: {})
    """Ways in which an edit may be lost: (handle, change, spare facts) -> handle on the model after it.

    Handed in by the runner, for a job knows no tool.
    """

    def of(self, split: str) -> tuple[EditCase, ...]:
        """The cases of a split, in order."""
        return tuple(case for case in self.cases if case.split == split)
