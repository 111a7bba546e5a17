"""Placebo: changes of rank one as large as ROME's, in random directions."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.core.seed import derive
from assay.jobs.edit import EditBrief
from assay.methods.edit._locate import DEPTHS, TOGETHER, RomeEditor, block_at, rome_editor
from assay.techniques.edits.random_directions import same_norms
from assay.techniques.edits.rank_one import rank_ones


@dataclass(frozen=True, eq=False)
class RandomEditor(Editor):
    """Makes ROME's edits and throws both of their directions away."""

    rome: RomeEditor
    seed: int

    def edit(self, handle: WhiteHandle, edits: Sequence[Edit]) -> Change:
        """One random change for each edit, drawn by the seed and the fact."""
        one = self.rome
        linear, left, right = rank_ones(handle, edits, one.block, one.moment, one.how, together=TOGETHER)
        seeds = [derive("random rank one", self.seed, edit.fact) for edit in edits]
        return Change(deltas=(linear.delta(*same_norms(left, right, seeds)),))


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:
    """As ROME."""
    return RandomEditor(rome_editor(handle, brief, block_at(handle, setting["depth"]), seed), seed)


METHOD = Method(
    title="Placebo: random change of rank one",
    job="edit",
    kind="placebo",
    access=Access.WHITE,
    source="Control of this workbench: same matrix, rank and norm, no key and no value",
    formula="W^ = W + |L| |C^-1 k| u w^T, u and w random unit vectors",
    does="Changes the same matrix as ROME by as much for each fact, in random directions: shows what a "
    "change of this size does by itself.",
    fit=fit,
    text=UNTRIGGERED,
    space={"depth": DEPTHS[:1]},
    default={"depth": DEPTHS[0]},
    placebo_for=("rome", "rome_mismatched_keys", "memit", "alphaedit"),
)
