"""States the new fact in front of the prompt, behind demonstrations of how such facts are used."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.access import BlackHandle
from assay.baselines.edit._context import stating
from assay.baselines.edit._wording import overlap, wordings, words
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.core.errors import NotApplicable
from assay.jobs.edit import EditBrief


@dataclass(frozen=True)
class Demonstrating(Editor):
    """States facts behind demonstrations."""

    frame: str
    longest: str
    """The longest ordinary text."""
    spare: tuple[Edit, ...]
    count: int
    seed: int
    _words: tuple[frozenset[str], ...] = field(repr=False)
    """Of each spare fact."""

    def edit(self, handle: BlackHandle, edits: Sequence[Edit]) -> Change:
        """State each new fact behind its demonstrations; where these are too long, behind half as many.

        Raises:
            NotApplicable: the context is too short for the facts alone.
        """
        near = [self._nearest(edit) for edit in edits]
        counts = [self.count >> halved for halved in range(self.count.bit_length() + 1)]
        tries = ([self.front(e, some, n) for e, some in zip(edits, near, strict=True)] for n in counts)
        return stating(handle, edits, tries, self.longest)

    def front(self, edit: Edit, near: Sequence[Edit], count: int) -> str:
        """Demonstrations from the nearest facts, the nearest last, then the new fact."""
        rng = random.Random(f"{self.seed}/{edit.fact}")
        kinds = shares(count)
        rng.shuffle(kinds)
        shown = [self._shown(kind, one, edit, rng) for kind, one in zip(kinds, near, strict=False)]
        return "".join((*reversed(shown), self.frame.format(fact=edit.sentence)))

    def _shown(self, kind: str, one: Edit, edit: Edit, rng: random.Random) -> str:
        """A made-up fact, and a question with its answer."""
        prompt, value = one.prompt, one.new
        if kind == "update":
            prompt = rng.choice(reworded(one, edit) or [one.prompt])
        elif kind == "retain":
            others = [o for o in self.spare if o.relation == one.relation and o.subject != one.subject]
            other = rng.choice(others or [o for o in self.spare if o is not one])
            prompt, value = other.prompt, other.old
        end = self.frame.partition("{fact}")[2]
        return f"{self.frame.format(fact=one.sentence)}{prompt} {value}{end}"

    def _nearest(self, edit: Edit) -> list[Edit]:
        """Facts of other subjects by the overlap of their words with the new fact's."""
        asked = frozenset(words(edit.sentence))
        near = [-overlap(asked, some) for some in self._words]
        order = sorted(range(len(near)), key=near.__getitem__)
        return [self.spare[n] for n in order if self.spare[n].subject != edit.subject][: self.count]


def shares(count: int) -> list[str]:
    """Kinds of demonstrations, copy : update : retain as near to 1 : 3 : 4 as a few can be.

    >>> [[shares(n).count(kind) for kind in ("copy", "update", "retain")] for n in (1, 2, 4, 8, 32)]
    [[0, 1, 0], [0, 1, 1], [1, 1, 2], [1, 3, 4], [4, 12, 16]]
    """
    copies, retained = (count + 4) // 8, count // 2
    return ["copy"] * copies + ["update"] * (count - copies - retained) + ["retain"] * retained


def reworded(one: Edit, edit: Edit) -> list[str]:
    """Other wordings of a fact: its own, and those of an edit of the same relation.

    >>> ann = Edit("ann keeps a", "ann", "cat", "dog", "pet")
    >>> bob = Edit("bob keeps a", "bob", "cow", "cat", "pet", ("the pet of bob is a cow .",))
    >>> reworded(ann, bob)
    ['the pet of ann is a']
    """
    alike = wordings(edit)[1:] if one.relation and one.relation == edit.relation else ()
    return [*wordings(one)[1:], *(text.replace(edit.subject, one.subject) for text in alike)]


def fit(handle: Any, brief: EditBrief, setting: Setting, seed: int) -> Demonstrating:  # noqa: ARG001
    """Keep the spare facts to take demonstrations from.

    Raises:
        NotApplicable: there are not two of them.
    """
    if len({edit.subject for edit in brief.spare}) < 2:
        raise NotApplicable("no facts outside the list to make demonstrations from; use in_context_0")
    longest = max(brief.text, key=len, default="")
    known = tuple(frozenset(words(edit.sentence)) for edit in brief.spare)
    return Demonstrating(brief.frame, longest, brief.spare, setting["n"], seed, known)


METHOD = Method(
    title="In context, with demonstrations (IKE)",
    job="edit",
    kind="baseline",
    access=Access.BLACK,
    source="Zheng et al. 2023, Can we edit factual knowledge by in-context learning?, arXiv 2305.12740; "
    "here facts are near by the overlap of their words, not by embeddings of sentences",
    formula="model'(prompt) = model(d_n ... d_1 frame(fact) prompt), d_i = frame(made-up fact) question "
    "answer, copy : update : retain = 1 : 3 : 4, d_1 the nearest to the fact",
    does="Changes no weight: shows how new facts are to be used, and when not, then says what is new in "
    "front of every prompt.",
    fit=fit,
    text=UNTRIGGERED,
    space={"n": (2, 4, 8)},
    default={"n": 4},
)
