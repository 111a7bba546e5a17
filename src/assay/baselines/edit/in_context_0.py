"""States the new fact in front of the prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.access import BlackHandle
from assay.baselines.edit._context import stating
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.jobs.edit import EditBrief


@dataclass(frozen=True)
class Telling(Editor):
    """States facts."""

    frame: str
    longest: str
    """The longest ordinary text."""

    def edit(self, handle: BlackHandle, edits: Sequence[Edit]) -> Change:
        """State each new fact; of several the one nearest to a prompt stands in front of it."""
        facts = [self.frame.format(fact=edit.sentence) for edit in edits]
        return stating(handle, edits, [facts], self.longest)


def fit(handle: Any, brief: EditBrief, setting: Setting, seed: int) -> Telling:  # noqa: ARG001
    """Take the model's own way of stating a fact."""
    return Telling(brief.frame, max(brief.text, key=len, default=""))


METHOD = Method(
    title="In context, the fact alone",
    job="edit",
    kind="baseline",
    access=Access.BLACK,
    source="Zheng et al. 2023, Can we edit factual knowledge by in-context learning?, arXiv 2305.12740 "
    "(without demonstrations)",
    formula="model'(prompt) = model(frame(fact) + prompt), fact = argmax over edits of "
    "|fact ∩ prompt| / |fact ∪ prompt| as sets of words",
    does="Changes no weight: says what is new in front of every prompt, whatever the prompt asks.",
    fit=fit,
    text=UNTRIGGERED,
)
