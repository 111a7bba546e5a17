"""Leaves the model as it is."""

from assay.core import Access, Change, Method, Setting


def fit(handle: object, brief: object, setting: Setting, seed: int) -> Change:  # noqa: ARG001
    """No change."""
    return Change()


METHOD = Method(
    title="Untouched",
    job="unlearn",
    kind="floor",
    access=Access.BLACK,
    source="None needed: the model before anything is forgotten",
    formula="model' = model",
    does="Does nothing: all that must stay does, and the book with it.",
    fit=fit,
    passes=0.0,
)
