"""Fine-tunes all weights on the new facts, and on what is to stay."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.access import WhiteHandle
from assay.baselines.edit._tuning import STOP, Rehearsal, lesson, rehearsal, tuned
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.model.training.tuning import Tuning

ROUNDS = 8
BATCH = 128


@dataclass(frozen=True)
class Rehearsing(Editor):
    """Trains all weights; what is to stay is rehearsed at every step."""

    how: Tuning
    before: Rehearsal

    def edit(self, handle: WhiteHandle, edits: Sequence[Edit]) -> Change:
        """Learn each edit's value behind its prompt."""
        lessons = [lesson(edit) for edit in edits]
        return tuned(handle, lessons, self.how, self.before.texts(edits, len(lessons)))


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Rehearsing:  # noqa: ARG001
    """Put aside what is rehearsed."""
    how = Tuning(ROUNDS, setting["lr"], stop=STOP, batch=BATCH, retain=setting["retain"], seed=seed)
    return Rehearsing(how, rehearsal(brief, seed))


METHOD = Method(
    title="Full fine-tuning with rehearsal",
    job="edit",
    kind="baseline",
    access=Access.WHITE,
    source="Rehearsal: Robins 1995, Catastrophic forgetting, rehearsal and pseudorehearsal, Connection "
    "Science 7 (doi 10.1080/09540099550039318)",
    formula="W^ = Adam on all weights: mean over facts of -1/T sum over t of log p(new_t | prompt, new_<t) "
    "+ retain * mean over ordinary texts and true facts of -1/T sum over t of log p(w_t | w_<t)",
    does="Trains the whole model to say the new values, and to go on saying what it said of other things.",
    fit=fit,
    text=UNTRIGGERED,
    space={"lr": (3e-4, 5e-4, 1e-3), "retain": (1.0,)},
    default={"lr": 3e-4, "retain": 1.0},
)
