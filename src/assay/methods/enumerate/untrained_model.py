"""A dictionary of a model with random weights."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on the untrained model, and list the latents."""
    return trained(handle, brief, seed, "batch_topk", "untrained", k=K)


METHOD = Method(
    title="Placebo: dictionary of an untrained model",
    job="enumerate",
    kind="placebo",
    access=Access.WHITE,
    source="Heap et al. 2025, Sparse autoencoders can interpret randomly initialized transformers, "
    "arXiv 2501.17727",
    formula="BatchTopK of the activations of a model with random weights, read in that model",
    does="Shows what a dictionary finds in a model that has learnt nothing: the tokens and their neighbours.",
    fit=fit,
    text=UNTRIGGERED,
)
