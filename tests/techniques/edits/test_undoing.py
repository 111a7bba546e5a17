"""Ways of losing an edit: rounding and further training, each against a slow computation."""

import torch

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change, Edit
from assay.techniques.edits.undoing import LESSONS, STEPS, UNDOINGS, train_on
from assay.techniques.rounding import rounded
from tests.model.tiny import tiny_engine

NOTHING = Change()


def handle() -> WhiteHandle:
    """A white handle on a tiny model."""
    return open_handle(tiny_engine("llama"), Access.WHITE)


def test_every_matrix_is_rounded_and_nothing_else() -> None:
    """Read back through the handle, weight by weight; the handle's own model stays as it was."""
    own = handle()
    undone = UNDOINGS["int4"](own, NOTHING, ())
    for name, weight in own.parameters().items():
        now = undone.parameters()[name]
        wanted = rounded(weight, 4) if weight.ndim == 2 else weight
        torch.testing.assert_close(now, wanted, atol=1e-6, rtol=0)


def test_training_makes_true_facts_likelier_and_takes_no_more_of_them_than_it_says() -> None:
    """Facts beyond the first are never seen; without any the model is left as it is."""
    own = handle()
    facts = [Edit(f"the {word} sat on the", word, "mat", "dog") for word in ("cat", "dog")]
    trained = train_on(own, NOTHING, facts)
    prompts, ends = [fact.prompt for fact in facts], [" mat"] * len(facts)
    before, after = (one.continuation_logprobs(prompts, ends)[0] for one in (own, trained))
    assert (after > before).all()
    assert torch.equal(train_on(own, NOTHING, ()).next_logprobs(prompts), own.next_logprobs(prompts))
    assert STEPS > 0
    many = facts[:1] * LESSONS + facts[1:]
    seen = train_on(own, NOTHING, facts[:1] * LESSONS)
    assert torch.equal(train_on(own, NOTHING, many).next_logprobs(prompts), seen.next_logprobs(prompts))
