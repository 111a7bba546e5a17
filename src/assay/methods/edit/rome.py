"""ROME: a fact written into one matrix as a key and its value."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.methods.edit._locate import DEPTHS, block_at, rome_editor


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:
    """Take the second moment of the block's keys; values are found when edits come."""
    return rome_editor(handle, brief, block_at(handle, setting["depth"]), seed)


METHOD = Method(
    title="ROME",
    job="edit",
    kind="method",
    access=Access.WHITE,
    source="Meng et al. 2022, Locating and editing factual associations in GPT, arXiv 2202.05262; one key "
    "everywhere after Gupta et al. 2024, Rebuilding ROME, arXiv 2403.07175",
    formula="W^ = W + L (C^-1 k)^T, L = (v* - W k) / ((C^-1 k)^T k); k = mean over contexts of the "
    "down-projection's input at the subject's last token, C = E[k k^T] on ordinary text, v* found by "
    "gradient steps on P(new value)",
    does="Finds what one MLP would have to say at the end of the subject for the new value to follow, and "
    "makes it say so by a change of rank one; several edits are written one after the other.",
    fit=fit,
    text=UNTRIGGERED,
    space={"depth": DEPTHS},
    default={"depth": DEPTHS[0]},
)
