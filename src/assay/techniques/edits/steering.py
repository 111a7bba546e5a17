"""One vector for each fact, added to the stream at its subject and nowhere else."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Edit
from assay.model.changing.change import Change
from assay.techniques.edits.condition import Condition, acting
from assay.techniques.edits.values import Aim, wanted


def pushed_vectors(
    handle: WhiteHandle, edits: Sequence[Edit], block: int, how: Aim
) -> Float[Tensor, "edit d"]:
    """What ``handle.push`` adds to ``resid_post.block`` at each subject for its new value to follow.

    The optimiser that ROME finds its values with (Meng et al., arXiv 2202.05262). Raises what
    ``wanted`` raises.
    """
    return handle.push(wanted(edits, how), f"resid_post.{block}", how.pushing).change


def random_vectors(like: Float[Tensor, "edit d"], seeds: Sequence[int]) -> Float[Tensor, "edit d"]:
    """Vectors of the same lengths in random directions, each by a seed of its own."""
    drawn = [np.random.default_rng(seed).standard_normal(like.shape[1]) for seed in seeds]
    found = torch.tensor(np.stack(drawn)).to(like)
    return found * (like.norm(dim=-1) / found.norm(dim=-1))[:, None]


def steering(block: int, where: Condition, vectors: Float[Tensor, "edit d"]) -> Change:
    """``x + v_i`` where the stream stands at the subject of edit ``i``, else ``x``."""

    def act(rows: Float[Tensor, "m d"], edit: Int[Tensor, " m"]) -> Float[Tensor, "m d"]:
        return rows + vectors.to(rows)[edit]

    return acting(block, where, act)
