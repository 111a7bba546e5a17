"""Leaves the model as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.core import Access, Change, Edit, Editor, Method, Setting


@dataclass(frozen=True)
class Unedited(Editor):
    """Changes nothing, whatever it is asked for."""

    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:  # noqa: ARG002
        """No change."""
        return Change()


def fit(handle: object, brief: object, setting: Setting, seed: int) -> Unedited:  # noqa: ARG001
    """Nothing to prepare."""
    return Unedited()


METHOD = Method(
    title="Unedited",
    job="edit",
    kind="floor",
    access=Access.BLACK,
    source="None needed: the model before any edit",
    formula="model' = model",
    does="Does nothing: all that must stay does, and no fact changes. What it gets right of the new facts "
    "is luck.",
    fit=fit,
    passes=0.0,
)
