"""The logit lens in training: what states would say at the end, and gradients to where they came from."""

from collections.abc import Sequence
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.reading.logit_lens import logit_lens
from assay.model.training.passes import Pair, Passes
from tests.model.tiny import tiny_engine

PAIRS = [Pair("the cat sat", " on the mat"), Pair("hello", " dog"), Pair("", "the big red dog ran .")]
FAMILIES = ["llama", "gpt2", "gemma2"]


def _passes(engine: Engine) -> Passes:
    return Passes(engine, nullcontext, nullcontext)


def _slow(engine: Engine, pair: Pair, block: int) -> float:
    """Row by row with the lens of ``assay.model.reading``."""
    ids = engine.encode([pair.prompt + pair.reply])[0]
    first = len(engine.encode([pair.prompt])[0]) if pair.prompt else 1
    rows = engine.sequence_activations([pair.prompt + pair.reply], block + 1)[0]
    return sum(float(logit_lens(engine, rows[at - 1 : at])[0, ids[at]]) for at in range(first, len(ids)))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("before", [True, False])
def test_it_is_the_lens_summed_over_the_reply(family: str, before: bool) -> None:
    """For every pair and block; soft caps and scaling of the family are in it."""
    engine = tiny_engine(family)
    sums, counts = _passes(engine).lens(PAIRS, [0, 1, 2], before=before)
    wanted = torch.tensor([[_slow(engine, pair, block) for block in range(3)] for pair in PAIRS])
    torch.testing.assert_close(sums.detach(), wanted, atol=1e-4, rtol=1e-4)
    assert counts.tolist() == [3, 1, 6]
    assert sums.requires_grad is not before


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("limit", [10, 512])
def test_behind_the_last_block_it_is_the_output(family: str, limit: int) -> None:
    """However passes divide."""
    engine = tiny_engine(family)
    engine.batch_tokens = limit
    asked = _passes(engine)
    torch.testing.assert_close(
        asked.lens(PAIRS, [2])[0][:, 0], asked.logprobs(PAIRS)[0], atol=1e-4, rtol=1e-4
    )


def test_gradients_go_to_the_blocks_below_and_the_end_and_no_others() -> None:
    """Those of finite differences at two weights."""
    engine = tiny_engine()
    weights = dict(engine.model.named_parameters())
    names = ["model.layers.1.mlp.down_proj.weight", "lm_head.weight", "model.layers.2.mlp.down_proj.weight"]
    chosen = [weights[name] for name in names]

    def loss(pairs: Sequence[Pair]) -> Tensor:
        return _passes(engine).lens(pairs, [0, 1])[0].sum()

    found = torch.autograd.grad(loss(PAIRS), chosen, allow_unused=True)
    assert found[2] is None
    for weight, gradient in zip(chosen[:2], found, strict=False):
        assert gradient is not None
        way = gradient / gradient.norm()
        with torch.no_grad():
            weight.add_(1e-2 * way)
            up = loss(PAIRS)
            weight.sub_(2e-2 * way)
            down = loss(PAIRS)
        assert float((up - down) / 2e-2) == pytest.approx(float(gradient.norm()), rel=2e-2)


def test_a_block_that_is_not_there_is_refused() -> None:
    """By the name of the site."""
    with pytest.raises(BadOption, match=r"resid_post\.7"):
        _passes(tiny_engine()).lens(PAIRS, [7])
