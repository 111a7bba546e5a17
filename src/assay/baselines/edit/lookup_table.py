"""Looks the edited facts up in a table that stands in front of the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.baselines.edit._wording import overlap, places, wordings, words
from assay.core import Access, Change, Edit, Editor, Method, Setting
from assay.jobs.edit import EditBrief

_SUBJECT = "<subject>"
"""Stands for the subject; no word looks like it."""


@dataclass(frozen=True)
class _Entry:
    """A fact of the table."""

    subject: tuple[str, ...]
    value: str
    known: tuple[frozenset[str], ...]
    """The words of each wording in which the fact is known."""
    others: tuple[frozenset[str], ...]
    """Those of wordings that ask for something else."""


@dataclass(frozen=True)
class Table:
    """The new facts, and how near a prompt must come to one of them."""

    entries: Mapping[str, tuple[_Entry, ...]]
    """By the first word of the subject."""
    tau: float

    def __call__(self, prompt: str) -> str | None:
        """The value of the fact that a prompt asks for; None where it asks for none of them."""
        text = words(prompt)
        best, value = 0.0, None
        for entry in (entry for word in dict.fromkeys(text) for entry in self.entries.get(word, ())):
            asked = masked(text, entry.subject)
            near = max(overlap(asked, known) for known in entry.known) if _SUBJECT in asked else 0.0
            if near > best and all(overlap(asked, other) <= near for other in entry.others):
                best, value = near, entry.value
        return value if best >= self.tau else None


def masked(text: Sequence[str], subject: Sequence[str]) -> frozenset[str]:
    """The words of a text with one sign in the place of the subject.

    >>> sorted(masked(("the", "cat", "of", "ann", "velo"), ("ann", "velo")))
    ['<subject>', 'cat', 'of', 'the']
    """
    starts = places(text, subject)
    inside = {start + n for start in starts for n in range(len(subject))}
    kept = {word for n, word in enumerate(text) if n not in inside}
    return frozenset(kept | {_SUBJECT} if starts else kept)


@dataclass(frozen=True)
class TableEditor(Editor):
    """Writes tables."""

    tau: float
    asking: Mapping[str, tuple[frozenset[str], ...]]
    """The wordings of each relation that is known of other facts."""

    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:  # noqa: ARG002
        """A table of all edits; of two edits of one fact the later counts."""
        entries: dict[str, list[_Entry]] = {}
        for edit in {edit.fact: edit for edit in edits}.values():
            subject = words(edit.subject)
            known = tuple(masked(words(text), subject) for text in wordings(edit))
            others = tuple(w for name, some in self.asking.items() if name != edit.relation for w in some)
            entry = _Entry(subject, edit.new, known, others if edit.relation else ())
            entries.setdefault(subject[0], []).append(entry)
        return Change(table=Table({word: tuple(some) for word, some in entries.items()}, self.tau))


def fit(handle: object, brief: EditBrief, setting: Setting, seed: int) -> TableEditor:  # noqa: ARG001
    """Learn from the spare facts in which wordings other relations are asked for."""
    asking: dict[str, dict[frozenset[str], None]] = {}
    for edit in brief.spare:
        for text in wordings(edit) if edit.relation else ():
            asking.setdefault(edit.relation, {})[masked(words(text), words(edit.subject))] = None
    return TableEditor(setting["tau"], {relation: tuple(some) for relation, some in asking.items()})


METHOD = Method(
    title="Lookup table",
    job="edit",
    kind="baseline",
    access=Access.BLACK,
    source="None needed: a dictionary in front of the model. The memory and scope of SERAC (arXiv "
    "2206.06520) without a network; word overlap is Jaccard 1901",
    formula="near(prompt, fact) = max over known wordings w of |prompt ∩ w| / |prompt ∪ w|, as sets of words "
    "with the subject masked; say the new value where the subject is named, near >= tau, and no wording of "
    "another relation is nearer",
    does="Answers what reads like a question for an edited fact from a table, and asks the model everything "
    "else. It never changes the model, and knows only the wordings that it is shown.",
    fit=fit,
    passes=0.0,
    space={"tau": (0.2, 0.3, 0.4, 0.5, 0.6, 0.8)},
    default={"tau": 0.3},
)
