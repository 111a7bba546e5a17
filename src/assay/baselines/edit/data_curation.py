"""Fine-tunes all weights on the documents that state the old facts, rewritten to state the new ones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay.access import WhiteHandle
from assay.baselines.edit._tuning import Rehearsal, lesson, rehearsal, tuned
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.model.training.tuning import Lesson, Tuning

ROUNDS = 4
BATCH = 64
STOP = 0.05
"""Training ends when the loss is lower; what follows a value is less certain than the value."""


@dataclass(frozen=True)
class Curator(Editor):
    """Rewrites documents and trains on them."""

    how: Tuning
    before: Rehearsal

    def edit(self, handle: WhiteHandle, edits: Sequence[Edit]) -> Change:
        """Learn each edit's documents as they should have been."""
        lessons = [one for edit in edits for one in curated(edit)]
        return tuned(handle, lessons, self.how, self.before.texts(edits, len(lessons)))


def curated(edit: Edit) -> list[Lesson]:
    """The edit in one sentence, and its documents with the new value, to be learnt from the value on.

    >>> ann = Edit("ann keeps a", "ann", "cat", "dog", documents=("the cat of ann likes cattle .",))
    >>> [(one.prompt, one.continuation) for one in curated(ann)]
    [('ann keeps a', ' dog'), ('the', ' dog of ann likes cattle .')]
    """
    told = [rewritten(document, edit) for document in edit.documents]
    return list(dict.fromkeys([lesson(edit), *(one for one in told if one is not None)]))


def rewritten(document: str, edit: Edit) -> Lesson | None:
    """A document with the new value wherever the old one stood as a word of its own; None without one.

    The subject stays as it is, even if the old value is a part of its name.
    """
    pattern = rf"(?<!\w)(?:{re.escape(edit.subject)}|({re.escape(edit.old)}))(?!\w)"
    places = [match.start() for match in re.finditer(pattern, document) if match[1]]
    if not places:
        return None
    text = re.sub(pattern, lambda match: edit.new if match[1] else match[0], document)
    head = document[: places[0]].rstrip()  # before the first old value both texts are the same
    return Lesson(head, text[len(head) :])


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Curator:  # noqa: ARG001
    """Put aside what is rehearsed."""
    how = Tuning(ROUNDS, setting["lr"], stop=STOP, batch=BATCH, retain=setting["retain"], seed=seed)
    return Curator(how, rehearsal(brief, seed))


METHOD = Method(
    title="Data curation",
    job="edit",
    kind="baseline",
    access=Access.WHITE,
    source="None needed: correct the training data and train on. Fine-tuning on paraphrases and on facts "
    "that stay: Gangadhar & Stratos 2024, Model editing by standard fine-tuning, arXiv 2402.11078",
    formula="documents' = documents with new for old; W^ = Adam on all weights: mean over documents' of "
    "-1/T sum over t from the value on of log p(w_t | w_<t) + retain * the same over ordinary "
    "texts and true facts",
    does="Rewrites the texts from which the model has a fact, and trains the whole model on them.",
    fit=fit,
    text=UNTRIGGERED,
    space={"lr": (3e-4, 5e-4, 1e-3), "retain": (1.0,)},
    default={"lr": 5e-4, "retain": 1.0},
)
