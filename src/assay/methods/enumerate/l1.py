"""L1: the latents of a dictionary of that kind."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on text in which nothing sets the fault off, and list the latents."""
    return trained(handle, brief, seed, "l1", penalty=0.2)


METHOD = Method(
    title="L1 dictionary",
    job="enumerate",
    kind="method",
    access=Access.WHITE,
    source="Bricken et al. 2023, Towards monosemanticity, transformer-circuits.pub; Cunningham et "
    "al. 2023, arXiv 2309.08600",
    formula="minimise |x - x^|^2 + l sum |code|, code = ReLU(W x + b)",
    does="The first kind of sparse autoencoder: few directions are on because being on costs.",
    fit=fit,
    text=UNTRIGGERED,
)
