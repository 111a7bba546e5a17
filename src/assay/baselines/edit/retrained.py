"""A model trained from the start on a world in which the facts are other: what editing tries to reach."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Access, Change, Edit, Editor, Method, Setting
from assay.core.errors import NotApplicable
from assay.jobs.edit import EditTruth
from assay.model.changing.deltas import Delta


@dataclass(frozen=True, eq=False)
class Retrained(Editor):
    """Puts the other model in the place of this one."""

    delta: Delta
    name: str
    """A weight by which the two are told apart."""
    before: Tensor

    def edit(self, handle: WhiteHandle, edits: Sequence[Edit]) -> Change:  # noqa: ARG002
        """The whole difference, whatever is asked for; nothing where the model is the other one already."""
        untouched = torch.equal(handle.parameters()[self.name], self.before)
        return Change(deltas=(self.delta,)) if untouched else Change()


def fit(handle: WhiteHandle, brief: EditTruth, setting: Setting, seed: int) -> Editor:  # noqa: ARG001
    """Take the model that the brief holds; raises NotApplicable where nobody has trained one."""
    if brief.retrained is None:
        raise NotApplicable("nobody has trained this model again where the list is true")
    name = min(brief.retrained.changes)
    return Retrained(brief.retrained, name, handle.parameters()[name])


METHOD = Method(
    title="Trained on the edited world",
    job="edit",
    kind="ceiling",
    access=Access.WHITE,
    source="None needed: the same training on a world in which all lists of edits are true",
    formula="W' = weights after training from the start on the edited world",
    does="The model that there would be if the facts had always been so; what it says of other things "
    "differs a little too, for no two trainings end alike.",
    fit=fit,
    sees_truth=True,
)
