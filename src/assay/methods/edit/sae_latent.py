"""The few latents that tell the new value from the old are set, where a fact's subject ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Change, Edit, Editor, Method, Setting
from assay.core.errors import BadOption, NotApplicable
from assay.jobs.edit import EditBrief
from assay.methods.edit._conditional import SHARE, Ground, ground
from assay.techniques.dictionaries.at_layer import Table, trained_on
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.edits.condition import Ordinary
from assay.techniques.edits.known_values import KnownValues, known_values
from assay.techniques.edits.sae_latent import clamping, telling

DEPTH = 0.125
"""Where the stream is read, as a share of depth: one place only, since each needs a dictionary of its own."""
K = 8
"""Latents that are set for a fact."""
TOKENS = 14_000
"""Tokens that the dictionary learns from: enough for 640 latents to be on a thousand times in 3 rounds."""
WIDTH = 4
"""Latents for each dimension of the stream."""
ON = 16
"""Latents that are to be on at a token."""


@dataclass(frozen=True, eq=False)
class Clamping(Editor):
    """Sets latents under the condition of each edit."""

    ground: Ground
    known: KnownValues
    dictionary: Dictionary
    k: int
    strength: float

    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:
        """Choose latents by what is known of both values; edits to values that nobody has stay undone."""
        some = self.known.learnt(edits)
        if not some:
            return Change()
        latents = telling(some, self.known, self.dictionary, self.k)
        where = self.ground.where(handle, some)
        return Change(hooks=(clamping(self.ground.block, where, self.dictionary, latents, self.strength),))


def fit(handle: WhiteHandle, brief: EditBrief, setting: Setting, seed: int) -> Editor:
    """Read ordinary text, and train a dictionary on it."""
    own = ground(handle, brief, DEPTH, SHARE, seed)
    known = known_values(handle, brief.spare, own.block, own.text)
    return Clamping(own, known, _learnt(own.text, seed), K, setting["strength"])


def _learnt(text: Ordinary, seed: int) -> Dictionary:
    try:
        return trained_on(Table(text.rows[:TOKENS]), "batch_topk", WIDTH * text.rows.shape[1], seed, k=ON)
    except BadOption as error:
        raise NotApplicable(f"no dictionary can be trained on the text told: {error}") from error


METHOD = Method(
    title="Latents of a dictionary, set",
    job="edit",
    kind="method",
    access=Access.WHITE,
    source="dictionary: BatchTopK, Bussmann et al. 2024, arXiv 2412.06410; no canonical way of editing facts "
    "with one exists: latents are chosen by mean difference, as in sparse probing (arXiv 2406.04093)",
    formula="x' = x + s sum_j (a_j* - a_j(x)) d_j at the fact's subject, over the k latents with the largest "
    "|mean code(new) - mean code(old)|, a* = mean code(new); else x",
    does="Leaves the weights alone; where the stream looks as it does at the end of a fact's subject, sets "
    "the few latents that tell subjects with the new value from others, and keeps the error term.",
    fit=fit,
    space={"strength": (1.0, 2.0, 4.0)},
    default={"strength": 4.0},
    text=UNTRIGGERED,
)
