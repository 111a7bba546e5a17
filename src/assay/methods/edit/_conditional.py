"""What editors that act where a subject stands have in common."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.access import WhiteHandle
from assay.core import Edit
from assay.core.errors import NotApplicable
from assay.jobs.edit import EditBrief
from assay.methods.edit._locate import block_at
from assay.model.changing.push import Pushing
from assay.techniques.edits.condition import Condition, Ordinary, condition, ordinary
from assay.techniques.edits.subject_keys import contexts
from assay.techniques.edits.values import Aim

SPACE = {"depth": (0.125, 0.25, 0.375), "share": (1e-4,)}
"""Shares of the depth at which a subject can still be told from others, wherever in a text it stands, and
shares of the tokens of ordinary text that may be taken for it."""
DEFAULT = {"depth": 0.25, "share": 1e-4}
CLAMP = 1.0
"""Longest vector that is added, in lengths of the stream there. The four of the papers are for what one MLP
adds; of a whole stream so much drowns what else is known of the subject."""
SHARE = 1e-4
"""The share for editors that have other things to tune."""
WORDS = 20_000
"""Words of ordinary text that are read: enough to say what one token in ten thousand looks like."""
CONTEXTS = 3
"""Snippets in front of a prompt, besides none."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What is prepared before any edit is seen."""

    block: int
    text: Ordinary
    aim: Aim
    share: float

    def where(self, handle: WhiteHandle, edits: Sequence[Edit]) -> Condition:
        """The subjects of some edits, told from ordinary text."""
        return condition(handle, edits, self.block, self.aim.contexts, self.text, self.share)


def ground(handle: WhiteHandle, brief: EditBrief, depth: float, share: float, seed: int) -> Ground:
    """Read ordinary text, and other facts, whose subjects are what is most easily taken for that of an edit.

    Raises:
        NotApplicable: the brief holds no text.
    """
    if not any(brief.text):
        raise NotApplicable("the brief holds no ordinary text, from which thresholds could be set")
    texts = (*_some(brief.text), *(edit.prompt for edit in brief.spare))
    aim = Aim(Pushing(clamp=CLAMP), contexts(brief.text, CONTEXTS, seed))
    block = block_at(handle, depth)
    return Ground(block, ordinary(handle, texts, block), aim, share)


def _some(texts: Sequence[str]) -> list[str]:
    """Whole texts from the first until they hold ``WORDS`` words."""
    before = np.cumsum([0, *(len(text.split()) for text in texts)])[:-1]
    return [text for text, words in zip(texts, before, strict=True) if words < WORDS]
