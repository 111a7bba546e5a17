"""Gated: the latents of a dictionary of that kind."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on text in which nothing sets the fault off, and list the latents."""
    return trained(handle, brief, seed, "gated", penalty=0.3)


METHOD = Method(
    title="Gated dictionary",
    job="enumerate",
    kind="method",
    access=Access.WHITE,
    source="Rajamanoharan et al. 2024, Improving dictionary learning with gated sparse autoencoders, "
    "arXiv 2404.16014",
    formula="code = 1[gate > 0] ReLU(exp(r) W x + b), L1 on the gate alone",
    does="Decides apart whether a direction is on and how much, so that the penalty does not "
    "shrink what is on.",
    fit=fit,
    text=UNTRIGGERED,
)
