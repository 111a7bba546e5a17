"""How keys and values of edits are looked for: the texts, and what the values are pushed towards."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.core import Edit
from assay.core.errors import BadOption
from assay.model.changing.push import Pushed, Pushing
from assay.techniques.edits.subject_keys import subject_ends

_SUBJECT = "{subject}"
_REFERENCE = Pushing()


@dataclass(frozen=True)
class Aim:
    """How the key and the value of a fact are found."""

    pushing: Pushing = _REFERENCE
    contexts: tuple[str, ...] = ("",)
    """Beginnings in front of the prompt, the empty one first."""
    essence: str = _SUBJECT
    """A text with ``{subject}`` in it, behind which the model should go on as before: the papers'
    "{subject} is a" where the model knows such words. Only what follows the subject is read."""


PLAIN = Aim()
"""The papers' optimiser, and no beginnings."""


def wanted(edits: Sequence[Edit], aim: Aim) -> list[Pushed]:
    """What to push for: the new value of each edit behind its prompt, with each beginning in front.

    Raises:
        BadOption: an essence without ``{subject}``.
        NotApplicable: a subject that does not stand in its prompt.

    >>> [one] = wanted([Edit("ann velo lives in", "ann velo", "zarn", "bolm")], Aim())
    >>> one.texts, one.ends, one.target, one.essence, one.essence_end
    (('ann velo lives in',), (8,), ' bolm', 'ann velo', 8)
    """
    if _SUBJECT not in aim.essence:
        raise BadOption(
            f"the essence {aim.essence!r} lacks the place of the subject; write {_SUBJECT} into it"
        )
    before = aim.essence.index(_SUBJECT)
    return [
        Pushed(
            tuple(begin + edit.prompt for begin in aim.contexts),
            tuple(len(begin) + end for begin in aim.contexts),
            f" {edit.new}",
            aim.essence.replace(_SUBJECT, edit.subject),
            before + len(edit.subject),
        )
        for edit, end in zip(edits, subject_ends(edits), strict=True)
    ]
