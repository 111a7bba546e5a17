"""A trained dictionary whose directions have changed places."""

import torch

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, layer_of, learnt, listed, rows_of
from assay.techniques.dictionaries.placebos.shuffled_decoder import shuffled_decoder


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train, shuffle, and list the latents."""
    rows = torch.cat(rows_of(handle, brief.text, layer_of(handle), "own"))
    dictionary = learnt(handle, rows, seed, "batch_topk", k=K)
    return listed(handle, shuffled_decoder(dictionary, seed % 2**32), "own", rows)


METHOD = Method(
    title="Placebo: shuffled decoder",
    job="enumerate",
    kind="placebo",
    access=Access.WHITE,
    source="Control of this workbench: the code of a trained dictionary without its directions",
    formula="code of a BatchTopK dictionary; latent i writes the direction of latent p(i), p without "
    "fixed points",
    does="Keeps when latents are on and loses what they write, so that the order of the list and "
    "the logit effects mean nothing.",
    fit=fit,
    text=UNTRIGGERED,
)
