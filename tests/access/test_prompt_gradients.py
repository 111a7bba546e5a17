"""Gradients of prompts behind handles: billed, and with what stands in front of a model in front."""

import pytest
import torch

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change
from assay.core.errors import BudgetExceeded
from assay.cost import Budget, Meter
from tests.model.tiny import tiny_engine

PROMPTS, AFTER = ["the cat sat on", "the dog"], [" the mat", " ran"]


@pytest.fixture(scope="module")
def handle() -> WhiteHandle:
    """A white handle on a tiny model."""
    return open_handle(tiny_engine("llama"), Access.WHITE)


def test_a_context_stands_in_front_and_its_tokens_are_left_out(handle: WhiteHandle) -> None:
    """Gradients are those of the longer prompt, at the start token and the prompt's own ones."""
    served = handle.changed(Change(context=lambda text: "red mat . " if "cat" in text else ""))
    found = served.prompt_gradients(PROMPTS, AFTER)
    longer = handle.prompt_gradients(["red mat . the cat sat on", "the dog"], AFTER)
    torch.testing.assert_close(found[0], longer[0][[0, 4, 5, 6, 7]])
    torch.testing.assert_close(found[1], longer[1])


def test_the_bill_is_a_pass_there_and_back() -> None:
    """Every token of the joined texts counts once each way, and a budget is asked before any work."""
    engine, meter = tiny_engine("llama"), Meter()
    open_handle(engine, Access.WHITE, meter).prompt_gradients(PROMPTS, AFTER)
    lengths = [7, 4]
    forward = engine.shape.forward(lengths, None, 3)
    assert (meter.spent.queries, meter.spent.tokens_forward, meter.spent.tokens_backward) == (2, 11, 11)
    assert meter.spent.flops == pytest.approx(forward + engine.shape.backward(lengths, 0, 3))
    poor = open_handle(engine, Access.WHITE, budget=Budget(tokens=5))
    with pytest.raises(BudgetExceeded):
        poor.prompt_gradients(PROMPTS, AFTER)
