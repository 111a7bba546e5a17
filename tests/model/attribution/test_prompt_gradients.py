"""Gradients by the embeddings of a prompt: against small steps, and against swaps of tokens."""

import pytest
import torch
from torch import Tensor

from assay.model import Engine
from assay.model.attribution.prompt_gradients import prompt_gradients
from assay.model.changing.change import add, changed
from tests.model.tiny import tiny_engine

PROMPTS = ["the cat sat on", "user : hello assistant :", "the big dog"]
AFTER = [" the mat .", " hello", " ran and then sat"]


@pytest.fixture(params=["llama", "gpt2", "gemma3"], scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """A random model in double precision, norms aside, so that small steps show."""
    engine = tiny_engine(request.param)
    engine.model.double()
    engine.batch_tokens = 12
    return engine


def test_a_small_step_changes_the_likelihood_by_its_slope(engine: Engine) -> None:
    """At every token of every prompt the gradient is the limit of (f(e + h u) - f(e - h u)) / 2 h."""
    found = prompt_gradients(engine, PROMPTS, AFTER)
    unit = torch.randn(engine.width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def moved(number: int, place: int, size: float) -> float:
        with changed(engine, add("embed", unit, size, at=place)):
            return float(literal(engine, PROMPTS[number], AFTER[number]))

    for number, rows in enumerate(found):
        assert len(rows) == len(engine.encode([PROMPTS[number]])[0])
        for place, row in enumerate(rows):
            slope = (moved(number, place, 1e-3) - moved(number, place, -1e-3)) / 2e-3
            assert float(row.double() @ unit) == pytest.approx(slope, rel=5e-3, abs=1e-4)


def literal(engine: Engine, prompt: str, after: str) -> Tensor:
    """What follows is scored one token at a time."""
    ids, given = engine.encode([prompt + after])[0], len(engine.encode([prompt])[0])
    total = torch.zeros((), dtype=torch.float64)
    with engine.inference():
        logits = engine.body.run(engine.tokens([prompt + after]), head=True).logits[0]
    for place in range(given, len(ids)):
        total += logits[place - 1].log_softmax(-1)[ids[place]]
    return total


def test_nothing_to_follow_gives_no_slope(engine: Engine) -> None:
    """An empty continuation has probability one whatever the prompt."""
    [rows] = prompt_gradients(engine, PROMPTS[:1], [""])
    assert float(rows.abs().max()) == 0.0
