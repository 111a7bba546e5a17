"""Gradients by the embeddings of a prompt: against the model called with embeddings of its own."""

import pytest
import torch
from torch import Tensor

from assay.model import Engine
from assay.model.attribution.prompt_gradients import prompt_gradients
from tests.model.tiny import tiny_engine

PROMPTS = ["the cat sat on", "user : hello assistant :", "the big dog"]
AFTER = [" the mat .", " hello", " ran and then sat"]


@pytest.fixture(params=["llama", "gpt2", "gemma3"], scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """A random model whose passes are small enough that texts are sorted and split."""
    engine = tiny_engine(request.param)
    engine.batch_tokens = 12
    return engine


def literal(engine: Engine, prompt: str, after: str) -> Tensor:
    """The gradient of log p(after | prompt), one token after the other, from the library's own pass."""
    ids, given = engine.encode([prompt + after])[0], len(engine.encode([prompt])[0])
    embedded = engine.model.get_input_embeddings()(torch.tensor([ids])).detach().requires_grad_()
    logits = engine.model(inputs_embeds=embedded).logits[0]
    said = [logits[place - 1].log_softmax(-1)[ids[place]] for place in range(given, len(ids))]
    total = torch.stack(said).sum()
    return torch.autograd.grad(total, embedded)[0][0, :given]


def test_gradients_are_those_of_the_bare_model(engine: Engine) -> None:
    """Every token of every prompt gets its row, the start token included, whatever the batch."""
    found = prompt_gradients(engine, PROMPTS, AFTER)
    for rows, prompt, after in zip(found, PROMPTS, AFTER, strict=True):
        assert len(rows) == len(engine.encode([prompt])[0])
        torch.testing.assert_close(rows, literal(engine, prompt, after), rtol=1e-3, atol=1e-4)


def test_weights_get_no_gradients_and_keep_their_flags(engine: Engine) -> None:
    """Nothing is left on the model."""
    prompt_gradients(engine, PROMPTS, AFTER)
    assert all(weight.grad is None and weight.requires_grad for weight in engine.model.parameters())


def test_nothing_to_follow_gives_no_slope(engine: Engine) -> None:
    """An empty continuation has probability one whatever the prompt."""
    [rows] = prompt_gradients(engine, PROMPTS[:1], [""])
    assert float(rows.abs().max()) == 0.0
