"""Changed models behind handles: weights, activations, what stands in front; the model itself untouched."""

from typing import Any

import pytest
import torch

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change
from assay.core.errors import AccessDenied, BudgetExceeded
from assay.cost import Budget, Meter
from assay.model.changing.change import add
from assay.model.changing.deltas import Delta, Part
from assay.model.changing.parameters import base_hash
from tests.model.tiny import tiny_engine

TEXTS = ["the cat sat on", "the dog ran"]


@pytest.fixture
def handle() -> WhiteHandle:
    """A white handle on a tiny model."""
    return open_handle(tiny_engine("llama"), Access.WHITE)


def delta(handle: WhiteHandle, seed: int, name: str = "model.layers.1.mlp.down_proj.weight") -> Delta:
    """A small random change of one matrix."""
    shape = handle.parameters()[name].shape
    values = 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return Delta("", {name: (Part("dense", tuple(shape), (values,)),)}, "random")


def test_weights_change_for_the_length_of_a_call_and_come_back_to_the_bit(handle: WhiteHandle) -> None:
    """Inside the handle the model differs as a copy with the sum would; outside nothing has happened."""
    engine = tiny_engine("llama")
    handle = open_handle(engine, Access.WHITE)
    change, before = delta(handle, 1), base_hash(engine)
    changed = handle.changed(Change(deltas=(change,)))
    twin = tiny_engine("llama")
    [(name, [part])] = change.changes.items()
    with torch.no_grad():
        dict(twin.model.named_parameters())[name].add_(part.tensors[0])
    assert torch.equal(changed.next_logprobs(TEXTS), twin.next_logprobs(TEXTS))
    assert not torch.equal(handle.next_logprobs(TEXTS), twin.next_logprobs(TEXTS))
    assert base_hash(engine) == before


def test_changes_stack_and_their_order_is_kept(handle: WhiteHandle) -> None:
    """A change of a changed model is both; parameters show the sum."""
    one, two = delta(handle, 1), delta(handle, 2)
    both = handle.changed(Change(deltas=(one,))).changed(Change(deltas=(two,)))
    at_once = handle.changed(Change(deltas=(one, two)))
    assert torch.equal(both.next_logprobs(TEXTS), at_once.next_logprobs(TEXTS))
    name = next(iter(one.changes))
    wanted = handle.parameters()[name] + one.changes[name][0].tensors[0] + two.changes[name][0].tensors[0]
    torch.testing.assert_close(both.parameters()[name], wanted)


def test_hooks_are_in_force_inside_only(handle: WhiteHandle) -> None:
    """A vector added to the stream changes what is read and written there."""
    push = add("resid_post.1", 5.0 * torch.ones(handle.width))
    changed = handle.changed(Change(hooks=(push,)))
    read, own = (one.sequence_activations(TEXTS, 2) for one in (changed, handle))
    for values, before in zip(read, own, strict=True):
        torch.testing.assert_close(values, before + 5.0)


def test_a_context_stands_in_front_of_everything_that_is_asked(handle: WhiteHandle) -> None:
    """Replies, next tokens and scores are those of the longer text; only the text's own tokens are scored."""
    changed = handle.changed(Change(context=lambda text: "red mat . " if "cat" in text else ""))
    longer = ["red mat . the cat sat on", "the dog ran"]
    assert changed.generate(TEXTS, max_tokens=3) == handle.generate(longer, max_tokens=3)
    assert torch.equal(changed.next_logprobs(TEXTS), handle.next_logprobs(longer))
    sums = changed.continuation_logprobs(TEXTS, [" mat", " then"])
    assert torch.equal(sums[0], handle.continuation_logprobs(longer, [" mat", " then"])[0])
    scored, whole = changed.token_logprobs(TEXTS), handle.token_logprobs(longer)
    assert torch.equal(scored[0], whole[0][-4:])
    assert torch.equal(scored[1], whole[1])


def test_a_table_answers_in_place_of_the_model(handle: WhiteHandle) -> None:
    """What it knows is certain and free; the rest is asked, in the order of the prompts."""
    meter = Meter()
    handle = open_handle(tiny_engine("llama"), Access.WHITE, meter)
    table = {"the cat sat on": "red mat ."}
    changed = handle.changed(Change(table=table.get))
    replies = changed.generate(TEXTS, max_tokens=2)
    assert replies == [" red mat", *handle.generate(TEXTS[1:], max_tokens=2)]
    sums, counts = changed.continuation_logprobs([TEXTS[0]] * 2, [" red mat", " big mat"])
    assert sums[0] == 0
    assert sums[1] <= -30
    assert counts.tolist() == [2, 2]
    spent = meter.spent.queries
    changed.generate(TEXTS[:1], max_tokens=2)
    assert meter.spent.queries == spent
    likely = changed.next_logprobs(TEXTS)
    assert handle.vocabulary[int(likely[0].argmax())] == "red"
    assert torch.equal(likely[1], handle.next_logprobs(TEXTS[1:])[0])


def test_black_access_may_put_things_in_front_and_nothing_deeper() -> None:
    """Weights and activations need white access, on a changed handle as on the first."""
    engine = tiny_engine("llama")
    black: Any = open_handle(engine, Access.BLACK)
    push = add("resid_post.1", torch.ones(engine.width))
    black = black.changed(Change(context=lambda _: "red "))
    for change in (Change(hooks=(push,)), Change(deltas=(Delta("", {}, ""),))):
        with pytest.raises(AccessDenied, match="changing weights or activations needs white"):
            black.changed(change)


def test_the_budget_holds_on_a_changed_model() -> None:
    """A context counts in the bill, before any work."""
    engine = tiny_engine("llama")
    handle = open_handle(engine, Access.BLACK, Meter(), Budget.parse("tokens=6"))
    changed = handle.changed(Change(context=lambda _: "red big mat . then "))
    with pytest.raises(BudgetExceeded):
        changed.generate(["the"], max_tokens=1)
    assert handle.generate(["the"], max_tokens=1)


def test_changes_join_in_the_order_in_which_they_were_made() -> None:
    """The later table is asked first; the later context stands nearer to the text."""
    first = Change(context=lambda _: "far ", table={"a": "1", "b": "1"}.get)
    both = first.then(Change(context=lambda _: "near ", table={"a": "2"}.get))
    assert both.context is not None
    assert both.table is not None
    assert both.context("x") == "far near "
    assert (both.table("a"), both.table("b"), both.table("c")) == ("2", "1", None)
