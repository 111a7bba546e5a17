"""The coordinates themselves."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import listed
from assay.techniques.dictionaries.placebos.identity import identity


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """List both ends of every coordinate."""
    return listed(handle, brief, identity(handle.width), "own")


METHOD = Method(
    title="Placebo: raw coordinates",
    job="enumerate",
    kind="placebo",
    access=Access.WHITE,
    source="Control of Gurnee et al. 2023, Finding neurons in a haystack, arXiv 2305.01610",
    formula="code = ReLU(+-x)",
    does="Shows what the coordinates of the residual stream find by themselves.",
    fit=fit,
    text=UNTRIGGERED,
)
