"""Attention's output taken apart by head."""

import pytest
import torch

from assay.core.errors import BadOption
from assay.model.reading.contributions import head_contributions
from assay.model.reading.read import read
from tests.model.tiny import TEXTS, tiny_engine


@pytest.mark.parametrize("family", ["gpt2", "gpt_neox", "llama", "qwen3", "gemma2", "olmo2", "phi3"])
def test_heads_and_bias_sum_to_what_attention_gives_back(family: str) -> None:
    """The sum over heads, with the bias where there is one, equals the output of the attention module."""
    engine = tiny_engine(family)
    tokens = engine.tokens(TEXTS[2:3])
    z = read(engine, tokens, ["z.1"])["z.1"]
    matrix = engine.body.point("z.1").module
    given = matrix(z.flatten(-2))
    bias = dict(matrix.named_parameters()).get("bias", torch.zeros(engine.width))
    parts = head_contributions(engine, z, 1)
    assert parts.shape == (*z.shape[:3], engine.width)
    torch.testing.assert_close(parts.sum(2) + bias, given, rtol=1e-4, atol=1e-5)
    if "post_feedforward_layernorm" not in dict(engine.body.parts.blocks[1].named_modules()):
        torch.testing.assert_close(
            read(engine, tokens, ["attn_out.1"])["attn_out.1"], given, rtol=1e-4, atol=1e-5
        )


def test_values_of_another_shape_are_named() -> None:
    """Too few heads get one clear sentence."""
    engine = tiny_engine("llama")
    with pytest.raises(BadOption, match="z has 2 heads of 8, but layer 1 mixes 32 numbers"):
        head_contributions(engine, torch.zeros(1, 3, 2, 8), 1)
