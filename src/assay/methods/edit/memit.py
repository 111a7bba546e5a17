"""MEMIT: many facts at once, shared by several blocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.methods.edit._spread import aim_at_stream, moments_below
from assay.techniques.edits.second_moment import SecondMoment
from assay.techniques.edits.spread import goals, memit
from assay.techniques.edits.values import Aim


@dataclass(frozen=True, eq=False)
class MemitEditor(Editor):
    """Writes all facts of a call at once."""

    moments: Mapping[int, SecondMoment]
    how: Aim
    weight: float

    def edit(self, handle: WhiteHandle, edits: Sequence[Edit]) -> Change:
        """See ``assay.techniques.edits.spread.memit``."""
        return Change(deltas=(memit(handle, edits, self.moments, self.how, self.weight),))

    def each(self, handle: WhiteHandle, edits: Sequence[Edit]) -> list[Change]:
        """Where the stream should be is found for all of them at once."""
        rows = goals(handle, edits, max(self.moments), self.how).split(1)
        made = (
            memit(handle, [one], self.moments, self.how, self.weight, row)
            for one, row in zip(edits, rows, strict=True)
        )
        return [Change(deltas=(delta,)) for delta in made]


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:
    """Take the second moments of the keys of all blocks that are written into."""
    moments = moments_below(handle, brief, setting["depth"])
    return MemitEditor(moments, aim_at_stream(brief, seed), setting["weight"])


METHOD = Method(
    title="MEMIT",
    job="edit",
    kind="method",
    access=Access.WHITE,
    source="Meng et al. 2023, Mass-editing memory in a transformer, arXiv 2210.07229",
    formula="at each of some adjacent blocks, lowest first: W += R K^T (w m C + K K^T)^-1, R = (Z - H) / "
    "(blocks left); Z = stream above the last of them, pushed towards the new values; m = size of a key",
    does="Finds what the stream would have to be at the end of each subject, and lets several MLPs each do a "
    "share of the way there, for all edits at once and with ordinary text held in place.",
    fit=fit,
    text=UNTRIGGERED,
    space={"depth": (0.125, 0.25), "weight": (0.03, 0.1)},
    default={"depth": 0.125, "weight": 0.03},
)
