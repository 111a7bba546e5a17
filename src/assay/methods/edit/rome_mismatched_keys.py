"""ROME with two different keys in its formula, as in the public code."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.methods.edit._locate import DEPTHS, block_at, rome_editor


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:
    """As ROME, but for the keys."""
    return rome_editor(handle, brief, block_at(handle, setting["depth"]), seed, mismatched=True)


METHOD = Method(
    title="ROME with mismatched keys",
    job="edit",
    kind="method",
    access=Access.WHITE,
    source="The public code of Meng et al. 2022 (github.com/kmeng01/rome), as analysed by Gupta et al. 2024, "
    "Rebuilding ROME, arXiv 2403.07175",
    formula="W^ = W + L (C^-1 k)^T, L = (v* - W k0) / ((C^-1 k)^T k0); k = mean key over contexts, k0 = key "
    "of the bare prompt",
    does="ROME as its public code computes it, with the mean key in one factor and the bare prompt's key in "
    "the other: shows what the difference does, above all to edits one after the other.",
    fit=fit,
    text=UNTRIGGERED,
    space={"depth": DEPTHS[:1]},
    default={"depth": DEPTHS[0]},
)
