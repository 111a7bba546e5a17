"""New facts stated in front of a prompt, as many of them as there is room for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from assay.baselines.edit._wording import holds, overlap, words
from assay.core import Change, Edit
from assay.core.errors import ContextExceeded, NotApplicable

REPLY = 20
"""Tokens for which room must be left behind a text."""


@dataclass(frozen=True)
class Statement:
    """What may be put in front of a prompt for one edit."""

    text: str
    subject: tuple[str, ...]
    words: frozenset[str]
    """Those of the new fact in one sentence."""

    @classmethod
    def of(cls, edit: Edit, text: str) -> "Statement":
        """A text that states an edit."""
        return cls(text, words(edit.subject), frozenset(words(edit.sentence)))


@dataclass(frozen=True)
class Stated:
    """Puts the statement nearest to a prompt in front of it."""

    statements: tuple[Statement, ...]
    named: bool = False
    """Only where the prompt names the statement's subject."""

    def __call__(self, prompt: str) -> str:
        """The statement whose words overlap most; of several, one whose subject is named; then the first."""
        text = words(prompt)
        asked = frozenset(text)
        some = [s for s in self.statements if holds(text, s.subject)] if self.named else self.statements
        near = [(overlap(asked, s.words), holds(text, s.subject)) for s in some]
        return some[near.index(max(near))].text if near else ""


def stating(handle: Any, edits: Sequence[Edit], tries: Iterable[Sequence[str]], longest: str) -> Change:
    """State the edits as fully as the model's context allows.

    ``tries`` are texts that state them, one for each edit, the best first. One is taken if room is left for
    the longest ordinary text and a reply; where none is, as after many edits in turn, the last is put only in
    front of prompts that name its subject.

    Raises:
        NotApplicable: there is not even room for the question itself.
    """
    statements: tuple[Statement, ...] = ()
    for texts in tries:
        statements = tuple(Statement.of(edit, text) for edit, text in zip(edits, texts, strict=True))
        if _fits(handle, statements, longest or _longest([edit.prompt for edit in edits])):
            return Change(context=Stated(statements))
    if not _fits(handle, statements, _longest([edit.prompt for edit in edits])):
        raise NotApplicable(
            f"the context of this model has no room for a statement of {edits[0].fact} in front of a "
            "question; choose a model with a longer context, or fewer edits in turn"
        )
    return Change(context=Stated(statements, named=True))


def _fits(handle: Any, statements: Sequence[Statement], text: str) -> bool:
    """Whether the longest statement, a text and a reply go through; a black box is asked by trying."""
    front = _longest([statement.text for statement in statements])
    try:
        handle.changed(Change(context=lambda _: front)).generate([text], max_tokens=REPLY, stop=" ")
    except ContextExceeded:
        return False
    return True


def _longest(texts: Sequence[str]) -> str:
    return max(texts, key=len, default="")
