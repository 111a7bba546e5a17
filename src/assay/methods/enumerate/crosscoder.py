"""One dictionary of two models' activations."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on both models' activations, and list the latents."""
    return trained(handle, brief, seed, "batch_topk", "beside", k=K)


METHOD = Method(
    title="Crosscoder of the model and its base",
    job="enumerate",
    kind="method",
    access=Access.WHITE,
    source="Lindsey et al. 2024, Sparse crosscoders, transformer-circuits.pub",
    formula="BatchTopK of [x(before fine-tuning), x(model)], one code for both",
    does="Learns directions of two models at once, so that what only one of them has stands alone; "
    "needs the model as it was before.",
    fit=fit,
    text=UNTRIGGERED,
)
