"""TopK: the latents of a dictionary of that kind."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on text in which nothing sets the fault off, and list the latents."""
    return trained(handle, brief, seed, "topk", k=K)


METHOD = Method(
    title="TopK dictionary",
    job="enumerate",
    kind="method",
    access=Access.WHITE,
    source="Gao et al. 2024, Scaling and evaluating sparse autoencoders, arXiv 2406.04093",
    formula="code = the k largest of ReLU(W x + b) of each token; x^ = code D + c",
    does="Learns directions of which few are needed to write each activation, a fixed number of "
    "them at every token.",
    fit=fit,
    text=UNTRIGGERED,
)
