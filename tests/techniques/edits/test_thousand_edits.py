"""A thousand edits of one matrix, one on top of the other: what the public code does breaks the model down.

Two things differ from ours in it: the keys do not match, and every value is looked for on the model as it is
by then. On this model the second does the harm: values are held to four lengths of what the MLP says, which
grows with the weights. With values looked for on the unedited model and one key everywhere it stays whole. It
does not keep the facts: people share surnames, so that later keys lie close to earlier ones.
"""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change
from assay.model.changing.push import Pushing
from assay.model.load import load
from assay.organisms.base.recipe import VERDICTS
from assay.organisms.planting.base import embedded_weights
from assay.techniques.edits.rank_one import rome
from assay.techniques.edits.second_moment import second_moment
from assay.techniques.edits.subject_keys import contexts
from assay.techniques.edits.values import Aim
from assay.world import World, stream
from assay.world.edit_cases import long_list

EDITS = 1000
BLOCK = 0
"""Where edits of this model take."""


def texts(seed: str, count: int) -> list[str]:
    """Ordinary text of the World."""
    found: Iterator[str] = (document.text for document in stream(World(0), VERDICTS, seed))
    return [next(found) for _ in range(count)]


def loss(handle: WhiteHandle) -> float:
    """Nats a token on text that has nothing to do with the edits."""
    return float(np.mean([-float(row.mean()) for row in handle.token_logprobs(texts("texts/report/0", 40))]))


@pytest.mark.slow
def test_the_public_codes_thousand_edits_break_the_model_down_and_ours_do_not() -> None:
    """Loss of unrelated text rises by nats after the one and hardly after the other."""
    engine = load(str(embedded_weights()), device="cpu", dtype=torch.float32)
    handle, edits = open_handle(engine, Access.WHITE), long_list(World(0))[:EDITS]
    ordinary = texts("texts/plant/0", 600)
    moment = second_moment(handle, ordinary, BLOCK)
    aim = Aim(Pushing(lr=0.15, stop=0.3), contexts(ordinary, 1))
    after = {
        "public": rome(handle, edits, BLOCK, moment, aim, together=20, mismatched=True),
        "ours": rome(handle, edits, BLOCK, moment, aim, together=EDITS),
    }
    before = loss(handle)
    rise = {key: loss(handle.changed(Change(deltas=(delta,)))) - before for key, delta in after.items()}
    assert rise["public"] > 1.0
    assert rise["ours"] < 0.1
