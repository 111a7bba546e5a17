"""Patterns: what the model attends to, in every family, and what follows from changing it."""

from typing import Any

import pytest
import torch

from assay.model import Engine
from assay.model.changing import change as c
from assay.model.changing.change import changed
from assay.model.reading.read import read
from tests.model.tiny import TEXTS, tiny_engine

FAMILIES = ("gpt2", "gpt_neox", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "olmo2", "phi3")


@pytest.fixture(params=FAMILIES, scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """A random model of each family."""
    return tiny_engine(request.param)


def test_patterns_equal_those_of_eager_attention(engine: Engine) -> None:
    """Every layer's pattern is what transformers itself writes down in its slow mode."""
    tokens = engine.tokens(TEXTS[2:3])
    names = [f"pattern.{layer}" for layer in range(engine.n_layers)]
    reading = read(engine, tokens, names)
    config: Any = engine.model.config
    before: str = config._attn_implementation
    # sdpa has no patterns to give, and says nothing; only a soft cap on scores makes a family eager
    assert before == ("eager" if config.model_type == "gemma2" else "sdpa")
    engine.model.set_attn_implementation("eager")
    with torch.no_grad():
        slow = engine.model(input_ids=tokens.ids, output_attentions=True, use_cache=False).attentions
    engine.model.set_attn_implementation(before)
    for name, pattern in zip(names, slow, strict=True):
        torch.testing.assert_close(reading[name], pattern.transpose(1, 2), rtol=1e-4, atol=1e-6)


def test_patterns_mix_values_into_z_on_ragged_texts(engine: Engine) -> None:
    """Rows sum to one, never look ahead, and weigh the values as z shows; padding reads as zero."""
    tokens = engine.tokens(TEXTS)
    reading = read(engine, tokens, ["pattern.1", "v.1", "z.1"])
    pattern, z = reading["pattern.1"], reading["z.1"]
    values = reading["v.1"].repeat_interleave(z.shape[2] // reading["v.1"].shape[2], 2)
    mixed = torch.einsum("nqhk,nkhd->nqhd", pattern, values)
    torch.testing.assert_close(mixed, z, rtol=1e-4, atol=1e-5)
    assert torch.allclose(pattern.sum(-1), tokens.mask()[..., None].float(), atol=1e-5)
    ahead = torch.ones(pattern.shape[1], pattern.shape[3], dtype=torch.bool).triu(1)
    assert float(pattern.transpose(1, 2)[..., ahead].abs().max()) == 0


def test_the_model_attends_as_before_once_nobody_watches(engine: Engine) -> None:
    """Kernel and logits come back to the bit after a pattern was read, even when the pass ended early."""
    tokens = engine.tokens(TEXTS[2:3])
    before = read(engine, tokens, ["logits"])["logits"]
    watched = read(engine, tokens, ["pattern.0", "logits"])["logits"]
    torch.testing.assert_close(watched, before, rtol=1e-4, atol=1e-4)
    read(engine, tokens, ["pattern.0"])
    assert torch.equal(read(engine, tokens, ["logits"])["logits"], before)


def test_a_changed_pattern_decides_what_z_is(engine: Engine) -> None:
    """A head made to look at the first token only hands on that token's value; other heads keep theirs."""
    tokens = engine.tokens(TEXTS[2:3])
    first = torch.zeros(tokens.ids.shape[1])
    first[0] = 1
    plain = read(engine, tokens, ["v.1", "z.1"])
    with changed(engine, c.assign("pattern.1.3", first)):
        reading = read(engine, tokens, ["pattern.1", "z.1"])
    value, mixed = plain["v.1"][:, :1, -1], reading["z.1"][:, :, 3]  # head 3 belongs to the last group
    torch.testing.assert_close(mixed, value.expand_as(mixed), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(reading["z.1"][:, :, :3], plain["z.1"][:, :, :3], rtol=1e-4, atol=1e-5)
    assert torch.equal(reading["pattern.1"][0, :, 3], first.expand(tokens.ids.shape[1], -1))


def test_patterns_can_be_changed_while_writing(engine: Engine) -> None:
    """A knocked-out layer stays knocked out at every step with a cache."""
    with changed(engine, c.scale("pattern.0", 0.0), c.scale("pattern.2", 0.0)):
        blind = engine.generate(TEXTS, 4)
    with changed(engine, c.scale("z.0", 0.0), c.scale("z.2", 0.0)):
        assert engine.generate(TEXTS, 4) == blind
