"""Placebo: vectors as long as those of conditional steering, in random directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.core.seed import derive
from assay.jobs.edit import EditBrief
from assay.methods.edit._conditional import DEFAULT, Ground, ground
from assay.techniques.edits.steering import pushed_vectors, random_vectors, steering


@dataclass(frozen=True, eq=False)
class RandomSteering(Editor):
    """Pushes the vectors, keeps their lengths, and throws their directions away."""

    ground: Ground
    seed: int

    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:
        """One random vector for each edit, drawn by the seed and the fact."""
        pushed = pushed_vectors(handle, edits, self.ground.block, self.ground.aim)
        seeds = [derive("random steering", self.seed, edit.fact) for edit in edits]
        vectors = random_vectors(pushed, seeds)
        return Change(hooks=(steering(self.ground.block, self.ground.where(handle, edits), vectors),))


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:
    """As conditional steering."""
    return RandomSteering(ground(handle, brief, setting["depth"], setting["share"], seed), seed)


METHOD = Method(
    title="Placebo: random conditional steering",
    job="edit",
    kind="placebo",
    access=Access.WHITE,
    source="Control of this workbench: same places and lengths, no direction",
    formula="x' = x + |v_i| u_i where cos(x - m, key_i - m) > t_i, else x; u_i a random unit vector",
    does="Adds as much to the stream as conditional steering, at the same places, in random directions: "
    "shows what a push of this size does by itself.",
    fit=fit,
    space={name: (value,) for name, value in DEFAULT.items()},
    default=DEFAULT,
    text=UNTRIGGERED,
    placebo_for=("conditional_steering", "sae_latent", "leace_replace"),
)
