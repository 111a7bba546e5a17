"""BatchTopK on what fine-tuning has changed."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on the difference, and list the latents."""
    return trained(handle, brief, seed, "batch_topk", "difference", k=K)


METHOD = Method(
    title="BatchTopK dictionary of the model difference",
    job="enumerate",
    kind="method",
    access=Access.WHITE,
    source="Lindsey et al. 2024, Sparse crosscoders, transformer-circuits.pub; for backdoors arXiv "
    "2605.07324",
    formula="BatchTopK of x(model) - x(model before fine-tuning), token by token",
    does="Learns what fine-tuning has added to the activations; needs the model as it was before.",
    fit=fit,
    text=UNTRIGGERED,
)
