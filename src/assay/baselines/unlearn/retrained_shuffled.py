"""A model trained from the start on the book with other answers: it knows the words, and not the facts."""

from assay.access import WhiteHandle
from assay.baselines.unlearn._oracle import in_place
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnTruth


def fit(handle: WhiteHandle, brief: UnlearnTruth, setting: Setting, seed: int) -> Change:  # noqa: ARG001
    """Take the model that the truth holds; raises NotApplicable where there is none."""
    return in_place(handle, brief, "shuffled")


METHOD = Method(
    title="Trained on other answers",
    job="unlearn",
    kind="ceiling",
    access=Access.WHITE,
    source="None needed: the same training with the answers of the book drawn anew",
    formula="W' = weights after training from the start on the book with its answers drawn anew",
    does="A model that is at home in the book's words and holds none of its facts: that it answers in the "
    "subject's manner is no sign of knowledge.",
    fit=fit,
    sees_truth=True,
)
