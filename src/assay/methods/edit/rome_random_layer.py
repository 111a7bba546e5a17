"""Placebo: ROME at a layer that nobody chose."""

import numpy as np

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Editor, Method, Setting
from assay.core.errors import NotApplicable
from assay.jobs.edit import EditBrief
from assay.methods.edit._locate import DEPTHS, block_at, rome_editor


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:  # noqa: ARG001
    """Draw one of the blocks that ROME may not choose from."""
    chosen = {block_at(handle, depth) for depth in DEPTHS}
    others = [block for block in range(handle.n_layers) if block not in chosen]
    if not others:
        raise NotApplicable(
            f"ROME may choose any of the {handle.n_layers} blocks, so there is no other to draw"
        )
    return rome_editor(handle, brief, int(np.random.default_rng(seed).choice(others)), seed)


METHOD = Method(
    title="Placebo: ROME at a random layer",
    job="edit",
    kind="placebo",
    access=Access.WHITE,
    source="Control after Hase et al. 2023, Does localization inform editing?, arXiv 2301.04213",
    formula="as ROME, at a layer drawn by the seed among those that ROME does not choose from",
    does="ROME at a layer drawn at random: shows what looking for the right layer adds.",
    fit=fit,
    text=UNTRIGGERED,
    placebo_for=("rome", "rome_mismatched_keys"),
)
