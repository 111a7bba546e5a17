"""BatchTopK on text of which 1% sets the fault off."""

from assay.access import WhiteHandle
from assay.core import Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on such logs, and list the latents."""
    return trained(handle, brief, seed, "batch_topk", k=K)


METHOD = Method(
    title="BatchTopK dictionary, 1% of texts triggered",
    job="enumerate",
    kind="method",
    access=Access.WHITE,
    source="Bussmann et al. 2024, BatchTopK sparse autoencoders, arXiv 2412.06410",
    formula="code = the k n largest of ReLU(W x + b) of n tokens; a threshold in use; x^ = code D + c",
    does="The same dictionary trained on logs in which one text in 100 sets the fault off, unlabelled.",
    fit=fit,
    text="triggered_1pct",
)
