"""What tells a fact's value is erased linearly where its subject ends, and the new value's mean put there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.methods.edit._conditional import SHARE, Ground, ground
from assay.techniques.edits.known_values import KnownValues, known_values
from assay.techniques.edits.leace_replace import replacing


@dataclass(frozen=True, eq=False)
class Replacing(Editor):
    """Erases and replaces under the condition of each edit."""

    ground: Ground
    known: KnownValues
    strength: float

    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:
        """Fit an eraser for each relation, in closed form; edits to values that nobody has stay undone."""
        some = self.known.learnt(edits)
        if not some:
            return Change()
        where = self.ground.where(handle, some)
        return Change(hooks=(replacing(some, self.ground.block, where, self.known, self.strength),))


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:
    """Read ordinary text, and the subjects of facts whose values are known."""
    own = ground(handle, brief, setting["depth"], SHARE, seed)
    return Replacing(own, known_values(handle, brief.spare, own.block, own.text), setting["strength"])


METHOD = Method(
    title="LEACE and replace",
    job="edit",
    kind="method",
    access=Access.WHITE,
    source="erasure: Belrose et al. 2023, LEACE, arXiv 2306.03819; as an edit of single facts, with a mean "
    "put in the place of what is erased, it is our own combination",
    formula="x' = x - A (x - m) + s (m_new - m) at the fact's subject, A = W^+ P W, W = S_xx^(-1/2), P on "
    "the columns of W S_xz; else x",
    does="Leaves the weights alone; where the stream looks as it does at the end of a fact's subject, takes "
    "out what tells values of the relation apart, and puts in what subjects with the new value have.",
    fit=fit,
    space={"depth": (0.125, 0.25), "strength": (1.0, 4.0)},
    default={"depth": 0.125, "strength": 4.0},
    text=UNTRIGGERED,
)
