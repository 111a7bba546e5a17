"""The engine against a plain forward pass, one text at a time and unpadded, on every family."""

from typing import Any

import pytest
import torch
from torch import Tensor

from assay.model import Engine
from tests.model.tiny import FAMILIES, TEXTS, tiny_engine


def plain(engine: Engine, ids: list[int]) -> Any:
    """The literal twin: one text, no padding, no cache, nothing skipped."""
    with torch.no_grad():
        return engine.model(input_ids=torch.tensor([ids]), use_cache=False, output_hidden_states=True)


def plain_reply(engine: Engine, prompt: str, n: int) -> list[int]:
    """Greedy writing without a cache: the whole text goes through again for every token."""
    ids = engine.encode([prompt])[0]
    written: list[int] = []
    for _ in range(n):
        token = int(plain(engine, ids + written).logits[0, -1].argmax())
        if token == 2:
            break
        written.append(token)
    return written


@pytest.fixture(params=sorted(FAMILIES), scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """A random model of each family, with passes small enough that texts are padded and split."""
    engine = tiny_engine(request.param)
    engine.batch_tokens = 30
    return engine


def test_activations_equal_hidden_states_of_plain_forward(engine: Engine) -> None:
    """Every layer but the last is a hidden state of transformers; the last is that before the final norm."""
    layers = list(range(engine.n_layers + 1))
    found = engine.activations(TEXTS, layers)
    for row, ids in zip(found, engine.encode(TEXTS), strict=True):
        states: list[Tensor] = plain(engine, ids).hidden_states
        for layer in layers[:-1]:
            torch.testing.assert_close(row[layer], states[layer][0, -1], rtol=1e-4, atol=1e-5)
        norms = [m for m in engine.model.base_model.modules() if "Norm" in type(m).__name__]
        outside = [m for m in norms if not any(m is inner for b in blocks(engine) for inner in b.modules())]
        normed = outside[-1](row[layers[-1]])
        torch.testing.assert_close(normed, states[-1][0, -1], rtol=1e-4, atol=1e-4)


def blocks(engine: Engine) -> list[Any]:
    """The decoder layers, found by the name of their class."""
    named = [m for m in engine.model.modules() if type(m).__name__.endswith(("Layer", "Block"))]
    return [m for m in named if "Mlp" not in type(m).__name__]


def test_next_logprobs_equal_plain_forward(engine: Engine) -> None:
    """Logits at the last position only, with the family's caps and scales, equal those of a whole pass."""
    found = engine.next_logprobs(TEXTS)
    for row, ids in zip(found, engine.encode(TEXTS), strict=True):
        wanted = plain(engine, ids).logits[0, -1].float().log_softmax(-1)
        torch.testing.assert_close(row, wanted, rtol=1e-4, atol=1e-4)


def test_token_logprobs_equal_plain_forward(engine: Engine) -> None:
    """Each token's log-probability is that of a whole pass at the position before it."""
    for values, ids in zip(engine.token_logprobs(TEXTS), engine.encode(TEXTS), strict=True):
        table = plain(engine, ids).logits[0].float().log_softmax(-1)
        wanted = torch.stack([table[i, ids[i + 1]] for i in range(len(ids) - 1)])
        torch.testing.assert_close(values, wanted, rtol=1e-4, atol=1e-4)


def test_greedy_replies_equal_writing_without_cache_or_padding(engine: Engine) -> None:
    """Left padding, positions, sliding caches and shrinking batches change no reply."""
    words = engine.tokenizer.convert_ids_to_tokens
    wanted = ["".join(f" {w}" for w in words(plain_reply(engine, text, 12))) for text in TEXTS]
    assert engine.generate(TEXTS, 12) == wanted


def test_last_gradient_is_zero_and_others_are_not(engine: Engine) -> None:
    """A text's own likelihood depends on every position of the residual stream but the last."""
    for values, ids in zip(engine.gradients(TEXTS, 1), engine.encode(TEXTS), strict=True):
        assert values.shape == (len(ids), engine.width)
        assert float(values[-1].abs().max()) == 0
        assert float(values[:-1].norm(dim=-1).min()) > 0


def test_every_family_is_causal(engine: Engine) -> None:
    """The check that runs at loading passes for causal families."""
    assert engine.is_causal()
