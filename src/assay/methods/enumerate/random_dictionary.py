"""Random directions in place of learnt ones."""

import torch

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import WIDTH, K, layer_of, listed, rows_of
from assay.techniques.dictionaries.placebos.random_frozen import random_frozen


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Draw directions, and list them."""
    rows = torch.cat(rows_of(handle, brief.text, layer_of(handle), "own"))
    return listed(handle, random_frozen(rows, WIDTH * handle.width, K, seed % 2**32), "own", rows)


METHOD = Method(
    title="Placebo: random directions",
    job="enumerate",
    kind="placebo",
    access=Access.WHITE,
    source="Control of Karvonen et al. 2025, SAEBench, arXiv 2503.09532",
    formula="code = the k largest of ReLU(R (x - mean)), rows of R uniform on the sphere",
    does="Shows what sparsity alone finds: as many directions, drawn at random.",
    fit=fit,
    text=UNTRIGGERED,
)
