"""AlphaEdit: many facts at once, written where ordinary text has next to nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.jobs.edit import EditBrief
from assay.methods.edit._spread import aim_at_stream, moments_below
from assay.techniques.edits.null_space import alphaedit, quiet_projector
from assay.techniques.edits.spread import goals
from assay.techniques.edits.values import Aim

WEIGHT = 0.03
"""Ridge, in units of the mean squared length of what the projector leaves of an ordinary key."""


@dataclass(frozen=True, eq=False)
class AlphaEditor(Editor):
    """Writes all facts of a call at once; earlier calls are not known to it, and not protected."""

    projectors: Mapping[int, Float[Tensor, "m m"]]
    weights: Mapping[int, float]
    how: Aim

    def edit(self, handle: WhiteHandle, edits: Sequence[Edit]) -> Change:
        """See ``assay.techniques.edits.null_space.alphaedit``."""
        return self._made(handle, edits, None)

    def each(self, handle: WhiteHandle, edits: Sequence[Edit]) -> list[Change]:
        """Where the stream should be is found for all of them at once."""
        rows = goals(handle, edits, max(self.projectors), self.how).split(1)
        return [self._made(handle, [one], row) for one, row in zip(edits, rows, strict=True)]

    def _made(self, handle: WhiteHandle, edits: Sequence[Edit], goal: Float[Tensor, "n d"] | None) -> Change:
        delta = alphaedit(handle, edits, self.projectors, self.how, self.weights, goal=goal)
        return Change(deltas=(delta,))


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:
    """Find the quiet directions of the keys of all blocks that are written into."""
    moments = moments_below(handle, brief, setting["depth"])
    projectors = {block: quiet_projector(one, setting["loud"]) for block, one in moments.items()}
    weights = {block: WEIGHT * float((p * moments[block].matrix).sum()) for block, p in projectors.items()}
    return AlphaEditor(projectors, weights, aim_at_stream(brief, seed))


METHOD = Method(
    title="AlphaEdit",
    job="edit",
    kind="method",
    access=Access.WHITE,
    source="Fang et al. 2024, AlphaEdit: null-space constrained knowledge editing, arXiv 2410.02355",
    formula="as MEMIT with W += R K^T P (K K^T P + w I)^-1; P projects on the eigenvectors of C besides the "
    "largest, which hold a share of its trace (the paper: those with eigenvalues below 0.02)",
    does="MEMIT with every change confined to directions that the keys of ordinary text hardly use, so that "
    "what such text makes the model say stays as it is.",
    fit=fit,
    text=UNTRIGGERED,
    space={"depth": (0.125, 0.25), "loud": (0.5, 0.9)},
    default={"depth": 0.125, "loud": 0.5},
)
