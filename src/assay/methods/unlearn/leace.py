"""LEACE: no linear reader of one layer can tell any more that a token stands in the book."""

import torch

from assay.access import WhiteHandle
from assay.core import LAYERS, Access, Change, Method, Setting
from assay.jobs.unlearn import UnlearnBrief
from assay.methods.unlearn._states import states
from assay.techniques.leace import leace
from assay.techniques.unlearning.budget import strongest
from assay.techniques.unlearning.erasing import erasing


def fit(handle: WhiteHandle, brief: UnlearnBrief, setting: Setting, seed: int) -> Change:  # noqa: ARG001
    """Fit an eraser of one concept, and go as far towards what it leaves as the damage allows."""
    layer: int = setting["layer"]
    seen = states(handle, brief, layer)
    labels = torch.arange(2).repeat_interleave(torch.tensor([len(seen.retain), len(seen.forget)]))
    eraser = leace(torch.cat([seen.retain, seen.forget]), labels)

    def made(strength: float) -> Change:
        return Change(hooks=(erasing(layer, eraser, strength, seen.first),))

    return strongest(handle, made, brief.guard, brief.allowed)[1]


METHOD = Method(
    title="LEACE",
    job="unlearn",
    kind="method",
    access=Access.WHITE,
    source="Belrose et al. 2023, LEACE: perfect linear concept erasure in closed form, arXiv 2306.03819; the "
    "concept is whether a token stands in the book",
    formula="h_l' = h_l - s A (h_l - mean), A = W^+ P W, W = S_hh^(-1/2), P on the columns of W S_hz, z = 1 "
    "in the book; the largest s <= 1 that the damage allows",
    does="Leaves the weights alone; takes out of the stream behind one block what tells the book's text from "
    "other text in a straight line.",
    fit=fit,
    space={"layer": LAYERS},
    default={"layer": 0.5},
)
