"""A model trained from the start without the book: what unlearning tries to reach."""

from assay.access import WhiteHandle
from assay.baselines.unlearn._oracle import in_place
from assay.core import Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnTruth


def fit(handle: WhiteHandle, brief: UnlearnTruth, setting: Setting, seed: int) -> Change:  # noqa: ARG001
    """Take the model that the truth holds; raises NotApplicable where there is none."""
    return in_place(handle, brief, "without")


METHOD = Method(
    title="Trained without the book",
    job="unlearn",
    kind="ceiling",
    access=Access.WHITE,
    source="None needed: the same training with the book left out",
    formula="W' = weights after training from the start on everything but the book",
    does="The model that there would be had it never read the book, at the price of a whole training; what "
    "attackers get out of it they have brought themselves.",
    fit=fit,
    sees_truth=True,
)
