"""What the editors that write into one place share: which place, what ordinary keys are like, how to look."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.access import WhiteHandle
from assay.core import Change, Edit, Editor
from assay.core.errors import NotApplicable
from assay.jobs.edit import EditBrief
from assay.model.changing.push import Pushing
from assay.techniques.edits.each_alone import each_alone
from assay.techniques.edits.rank_one import rome
from assay.techniques.edits.second_moment import SecondMoment, second_moment
from assay.techniques.edits.subject_keys import contexts
from assay.techniques.edits.values import Aim

DEPTHS = (0.125, 0.375, 0.625)
"""Shares of the depth at which facts are looked for; the papers' models have them at 0.2 to 0.35."""
SNIPPETS = 1
"""Beginnings of prompts besides the empty one; three did worse on select facts, and none at all no worse."""
TOGETHER = 20
"""Values that are looked for at once; see ``rome``."""
PUSHING = Pushing(lr=0.15, stop=0.3)
"""The papers' optimiser, with shorter steps and an earlier end: what goes on beyond a probability of three
quarters changes more of what else is known of the subject."""


@dataclass(frozen=True, eq=False)
class RomeEditor(Editor):
    """Writes each fact into one block, with ROME's formula."""

    block: int
    moment: SecondMoment
    how: Aim
    mismatched: bool = False

    def edit(self, handle: WhiteHandle, edits: Sequence[Edit]) -> Change:
        """One edit after the other; see ``assay.techniques.edits.rank_one.rome``."""
        delta = rome(
            handle,
            edits,
            self.block,
            self.moment,
            self.how,
            together=TOGETHER,
            mismatched=self.mismatched,
        )
        return Change(deltas=(delta,))

    def each(self, handle: WhiteHandle, edits: Sequence[Edit]) -> list[Change]:
        """Keys and values of all of them at once, for none is on top of another."""
        if self.mismatched:
            return [self.edit(handle, [edit]) for edit in edits]
        deltas = each_alone(handle, edits, self.block, self.moment, self.how)
        return [Change(deltas=(delta,)) for delta in deltas]


def rome_editor(
    handle: WhiteHandle, brief: EditBrief, block: int, seed: int, *, mismatched: bool = False
) -> RomeEditor:
    """An editor for one block; raises NotApplicable where the brief's text is too short."""
    moment = second_moment(handle, brief.text, block)
    return RomeEditor(block, moment, aim(brief, seed), mismatched)


def aim(brief: EditBrief, seed: int, pushing: Pushing = PUSHING) -> Aim:
    """How keys and values are looked for, with snippets of the brief's text in front."""
    if not any(brief.text):
        raise NotApplicable("the brief has no ordinary text, so nothing says what other keys are like")
    return Aim(pushing, contexts(brief.text, SNIPPETS, seed))


def block_at(handle: WhiteHandle, depth: float) -> int:
    """The block that ends at a share of the depth, counted from 0.

    >>> from types import SimpleNamespace
    >>> [block_at(SimpleNamespace(n_layers=8), depth) for depth in (0.0, 0.125, 1.0)]
    [0, 0, 7]
    """
    return max(1, min(handle.n_layers, round(depth * handle.n_layers))) - 1
