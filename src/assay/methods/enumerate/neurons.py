"""The coordinates themselves."""

import torch

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import layer_of, listed, rows_of
from assay.techniques.dictionaries.placebos.identity import identity


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """List both ends of every coordinate."""
    rows = torch.cat(rows_of(handle, brief.text, layer_of(handle), "own"))
    return listed(handle, identity(handle.width), "own", rows)


METHOD = Method(
    title="Placebo: raw coordinates",
    job="enumerate",
    kind="placebo",
    access=Access.WHITE,
    source="Control of Gurnee et al. 2023, Finding neurons in a haystack, arXiv 2305.01610",
    formula="code = ReLU(+-x)",
    does="Shows what the coordinates of the residual stream find by themselves.",
    fit=fit,
    text=UNTRIGGERED,
)
