"""Replay changes what the machine does, never what a method gets or pays."""

from typing import Any

import pytest
import torch

from assay.access import Replay, open_handle
from assay.core import Access, Price
from assay.cost import Meter
from assay.model import Engine
from tests.access.test_handles import CALLS, counts
from tests.model.tiny import TEXTS, tiny_engine


@pytest.fixture
def engine() -> Engine:
    """A random Llama whose passes can be counted."""
    return tiny_engine("llama")


class Passes:
    """Counts the passes through a model from now on."""

    def __init__(self, engine: Engine) -> None:
        self.n = 0
        engine.model.get_input_embeddings().register_forward_pre_hook(self._add)

    def _add(self, *_: Any) -> None:
        self.n += 1


def ask(source: Engine | Replay, name: str) -> tuple[Any, Price]:
    """One call through a fresh handle: result and bill."""
    meter = Meter()
    return CALLS[name](open_handle(source, Access.WHITE, meter)), meter.prepare


@pytest.mark.parametrize("name", sorted(CALLS))
def test_result_and_bill_are_the_same_with_and_without(engine: Engine, name: str) -> None:
    """First call, second call and live call agree: result, counts, operations; the second does no work."""
    replay, passes = Replay(engine), Passes(engine)
    live, live_bill = ask(engine, name)
    first, first_bill = ask(replay, name)
    n = passes.n
    second, second_bill = ask(replay, name)
    assert passes.n == n
    assert counts(live_bill) == counts(first_bill) == counts(second_bill)
    assert first_bill == second_bill
    if name == "generate":
        assert live == first == second
    else:
        torch.testing.assert_close(first, live)
        torch.testing.assert_close(second, live)


def test_seconds_are_those_of_the_call_alone(engine: Engine) -> None:
    """On work that takes long enough to time, a replayed bill is within a factor of three of a live one."""
    texts, layers = TEXTS * 200, [1]
    replay, live, played = Replay(engine), Meter(), Meter()
    open_handle(engine, Access.WHITE).activations(texts, layers)
    open_handle(engine, Access.WHITE, live).activations(texts, layers)
    for _ in range(2):
        played = Meter()
        open_handle(replay, Access.WHITE, played).activations(texts, layers)
    assert live.spent.cpu_s / 3 < played.spent.cpu_s < live.spent.cpu_s * 3


def test_all_layers_come_from_one_pass(engine: Engine) -> None:
    """After one layer of some texts, every other layer of the same texts is known."""
    replay, passes = Replay(engine), Passes(engine)
    handle = open_handle(replay, Access.WHITE)
    handle.activations(TEXTS, [1])
    n = passes.n
    for layer in range(engine.n_layers + 1):
        torch.testing.assert_close(handle.activations(TEXTS, [layer]), engine.activations(TEXTS, [layer]))
    assert passes.n == n + engine.n_layers + 1  # the engine's own, on the right-hand sides


def test_seconds_follow_the_share_of_operations(engine: Engine) -> None:
    """Layer 1 of 3 costs a third of the seconds of layer 3, and so on exactly."""
    replay = Replay(engine)
    bills: list[Price] = []
    for layer in range(engine.n_layers + 1):
        meter = Meter()
        open_handle(replay, Access.WHITE, meter).activations(TEXTS, [layer])
        bills.append(meter.prepare)
    for layer, price in enumerate(bills):
        assert price.wall_s == pytest.approx(bills[-1].wall_s * layer / engine.n_layers)
        assert price.tokens_forward == bills[-1].tokens_forward


def test_a_method_cannot_spoil_the_memory(engine: Engine) -> None:
    """Results are copies: what one method writes into them, the next does not see."""
    handle = open_handle(Replay(engine), Access.WHITE)
    for name in sorted(set(CALLS) - {"generate"}):
        for part in tensors(CALLS[name](handle)):
            part.fill_(7)
        for part, wanted in zip(tensors(CALLS[name](handle)), tensors(CALLS[name](engine)), strict=True):
            torch.testing.assert_close(part, wanted)


def tensors(result: Any) -> list[torch.Tensor]:
    """All tensors of a result."""
    return [result] if isinstance(result, torch.Tensor) else list(result)


def test_different_arguments_are_different_calls(engine: Engine) -> None:
    """Texts, order, layer, seed and stop all count."""
    replay = Replay(engine)
    handle = open_handle(replay, Access.WHITE)
    assert not torch.equal(handle.activations(TEXTS, [2]), handle.activations(TEXTS[::-1], [2]))
    assert handle.generate(TEXTS, 8, 1.0, seed=1) != handle.generate(TEXTS, 8, 1.0, seed=2)
    assert handle.generate(["a,b"], 8) == engine.generate(["a,b"], 8)
    one, two = handle.sequence_activations(TEXTS, 1), handle.sequence_activations(TEXTS, 2)
    assert not torch.equal(one[0], two[0])


def test_memory_keeps_its_limit_and_forgets_the_oldest(engine: Engine) -> None:
    """The least recently used result goes first; one larger than the limit is not kept."""
    one = engine.next_logprobs(TEXTS).nbytes
    replay, passes = Replay(engine, at_most_bytes=2 * one), Passes(engine)
    handle = open_handle(replay, Access.GREY)
    a, b, c = TEXTS, [text + " the" for text in TEXTS], [text + " cat" for text in TEXTS]
    for texts in (a, b, a, c):
        handle.next_logprobs(texts)
    assert replay.held_bytes == 2 * one
    n = passes.n
    handle.next_logprobs(a)
    assert passes.n == n
    handle.next_logprobs(b)
    assert passes.n > n
    handle.next_logprobs(TEXTS * 3)
    assert replay.held_bytes == 2 * one


def test_forgetting_sees_a_changed_model(engine: Engine) -> None:
    """After ``forget`` the model is asked again."""
    replay = Replay(engine)
    handle = open_handle(replay, Access.GREY)
    before = handle.next_logprobs(TEXTS)
    with torch.no_grad():
        engine.model.get_input_embeddings().weight.mul_(2)  # pyright: ignore[reportCallIssue]
    assert torch.equal(handle.next_logprobs(TEXTS), before)
    replay.forget()
    assert replay.held_bytes == 0
    assert not torch.allclose(handle.next_logprobs(TEXTS), before)
