"""Directional ablation: nothing writes along the book's direction any more."""

from assay.access import WhiteHandle
from assay.core import LAYERS, Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._states import asked
from assay.techniques.unlearning.budget import strongest
from assay.techniques.unlearning.directions import direction_of, written_along
from assay.techniques.unlearning.negation import negated


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:  # noqa: ARG001
    """Find the direction behind one block, and take as much of it out of all writers as the damage allows."""
    written = written_along(handle, direction_of(*asked(handle, brief, setting["layer"])))

    def made(strength: float) -> Change:
        return Change(deltas=(negated(written, strength),))

    return strongest(handle, made, brief.guard, brief.allowed)[1]


METHOD = Method(
    title="Directional ablation",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Arditi et al. 2024, Refusal in language models is mediated by a single direction, arXiv "
    "2406.11717; here the direction of the book, in part where all of it costs too much",
    formula="r = mean h_l at the ends of the book's prompts - mean at the ends of others, at length 1; "
    "W <- W - s r r^T W for all that writes into the stream; the largest s <= 1 that the damage allows",
    does="Finds the one direction in which the book's prompts differ from others, and takes it out of every "
    "matrix that writes into the stream.",
    fit=fit,
    space={"layer": LAYERS},
    default={"layer": 0.5},
)
