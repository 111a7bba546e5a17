"""JumpReLU: the latents of a dictionary of that kind."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on text in which nothing sets the fault off, and list the latents."""
    return trained(handle, brief, seed, "jumprelu", l0=K)


METHOD = Method(
    title="JumpReLU dictionary",
    job="enumerate",
    kind="method",
    access=Access.WHITE,
    source="Rajamanoharan et al. 2024, Jumping ahead, arXiv 2407.14435",
    formula="code = z 1[z > threshold], thresholds learnt through a rectangle window, L0 held near k",
    does="Learns a threshold for each direction above which it counts as on.",
    fit=fit,
    text=UNTRIGGERED,
)
