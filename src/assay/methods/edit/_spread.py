"""What the editors that write into several blocks share."""

from dataclasses import replace

from assay.access import WhiteHandle
from assay.jobs.edit import EditBrief
from assay.methods.edit._locate import PUSHING as ROMES
from assay.methods.edit._locate import aim, block_at
from assay.techniques.edits.second_moment import SecondMoment, second_moment
from assay.techniques.edits.values import Aim

BLOCKS = 2
"""Adjacent blocks that share the work; the papers take 5 of 48, or 6 of 28."""
PUSHING = replace(ROMES, clamp=0.75)
"""The papers' shorter leash: a change of the whole stream is larger than one of what an MLP adds."""


def moments_below(handle: WhiteHandle, brief: EditBrief, depth: float) -> dict[int, SecondMoment]:
    """The second moments of keys of the blocks that end at a share of the depth; see ``second_moment``."""
    top = block_at(handle, depth)
    return {
        block: second_moment(handle, brief.text, block) for block in range(max(0, top + 1 - BLOCKS), top + 1)
    }


def aim_at_stream(brief: EditBrief, seed: int) -> Aim:
    """How keys and values are looked for."""
    return aim(brief, seed, PUSHING)
