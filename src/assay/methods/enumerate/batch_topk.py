"""BatchTopK: the latents of a dictionary of that kind."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on text in which nothing sets the fault off, and list the latents."""
    return trained(handle, brief, seed, "batch_topk", k=K)


METHOD = Method(
    title="BatchTopK dictionary",
    job="enumerate",
    kind="method",
    access=Access.WHITE,
    source="Bussmann et al. 2024, BatchTopK sparse autoencoders, arXiv 2412.06410",
    formula="code = the k n largest of ReLU(W x + b) of n tokens; a threshold in use; x^ = code D + c",
    does="Learns directions of which few are needed to write each activation; tokens share the "
    "number, so that a hard one may have more.",
    fit=fit,
    text=UNTRIGGERED,
)
