"""Matryoshka: the latents of a dictionary of that kind."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, trained


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Train on text in which nothing sets the fault off, and list the latents."""
    return trained(handle, brief, seed, "matryoshka", k=K)


METHOD = Method(
    title="Matryoshka dictionary",
    job="enumerate",
    kind="method",
    access=Access.WHITE,
    source="Bussmann et al. 2025, Learning multi-level features with Matryoshka SAEs, arXiv 2503.17547",
    formula="sum over nested prefixes p of the latents of |x - code[:p] D[:p] - c|^2, code as in BatchTopK",
    does="Learns nested dictionaries at once, so that the first latents must be general and are "
    "not torn apart by special ones.",
    fit=fit,
    text=UNTRIGGERED,
)
