"""A vector for each fact, added to the stream where its subject ends and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.methods.edit._conditional import DEFAULT, SPACE, Ground, ground
from assay.techniques.edits.steering import pushed_vectors, steering


@dataclass(frozen=True, eq=False)
class Steering(Editor):
    """Pushes a vector for each edit, and adds it under the edit's condition."""

    ground: Ground

    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:
        """Optimise all vectors, each by itself."""
        return self._made(handle, edits, pushed_vectors(handle, edits, self.ground.block, self.ground.aim))

    def each(self, handle: Any, edits: Sequence[Edit]) -> list[Change]:
        """All vectors in one push."""
        vectors = pushed_vectors(handle, edits, self.ground.block, self.ground.aim).split(1)
        return [self._made(handle, [one], row) for one, row in zip(edits, vectors, strict=True)]

    def _made(self, handle: Any, edits: Sequence[Edit], vectors: Float[Tensor, "edit d"]) -> Change:
        return Change(hooks=(steering(self.ground.block, self.ground.where(handle, edits), vectors),))


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:
    """Read the text that thresholds are set by."""
    return Steering(ground(handle, brief, setting["depth"], setting["share"], seed))


METHOD = Method(
    title="Conditional steering",
    job="edit",
    kind="method",
    access=Access.WHITE,
    source="condition: Lee et al. 2024, Programming refusal with conditional activation steering, arXiv "
    "2409.05907; vector: the value optimiser of Meng et al. 2022, arXiv 2202.05262",
    formula="x' = x + v_i where cos(x - m, key_i - m) > t_i, else x; t_i from ordinary text at a "
    "false-positive share",
    does="Leaves the weights alone, and adds a vector that makes the new value follow, wherever the stream "
    "looks as it does at the end of a fact's subject.",
    fit=fit,
    space=SPACE,
    default=DEFAULT,
    passes=1.0,
    text=UNTRIGGERED,
)
