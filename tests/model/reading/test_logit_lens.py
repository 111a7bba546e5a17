"""The logit lens: the model's own end behind any row of the residual stream."""

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.reading.logit_lens import logit_lens
from tests.model.tiny import TEXTS, tiny_engine

FAMILIES = ("gpt2", "gpt_neox", "llama", "qwen3", "gemma2", "gemma3", "olmo2", "phi3")


@pytest.fixture(params=FAMILIES, scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    """A random model of each family."""
    return tiny_engine(request.param)


def by_hand(engine: Engine, row: Tensor) -> Tensor:
    """The twin: last norm, unembedding and soft cap, one row at a time, with the family's own modules."""
    parts = engine.body.parts
    norm = parts.trunk.get_submodule(engine.body.sites.layout.norm)
    with torch.no_grad():
        logits = parts.head(norm(row[None, None]))[0, 0]
    cap = engine.model.config.to_dict().get("final_logit_softcapping")
    return torch.log_softmax(torch.tanh(logits / cap) * cap if cap else logits, -1)


def test_at_the_last_layer_it_is_the_model(engine: Engine) -> None:
    """What leaves the last block says what the model says."""
    rows = engine.activations(TEXTS, [engine.n_layers])[:, 0]
    torch.testing.assert_close(logit_lens(engine, rows), engine.next_logprobs(TEXTS), rtol=1e-4, atol=1e-4)


def test_at_any_layer_it_is_norm_and_head(engine: Engine) -> None:
    """Rows of the middle and rows from nowhere, against the modules called one after the other."""
    drawn = torch.randn(3, engine.width, generator=torch.Generator().manual_seed(0))
    rows = torch.cat([engine.activations(TEXTS, [1])[:, 0], drawn])
    found = logit_lens(engine, rows)
    wanted = torch.stack([by_hand(engine, row) for row in rows])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(len(rows)))


def test_rows_do_not_meet() -> None:
    """A row says the same alone and among more than go through at once."""
    engine = tiny_engine("llama")
    rows = torch.randn(300, engine.width, generator=torch.Generator().manual_seed(1))
    found = logit_lens(engine, rows)
    for place in (0, 255, 256, 299):
        torch.testing.assert_close(found[place], logit_lens(engine, rows[place : place + 1])[0])


def test_the_model_is_as_before() -> None:
    """What is put into the last block is taken out again."""
    engine = tiny_engine("llama")
    before = engine.next_logprobs(TEXTS)
    logit_lens(engine, torch.ones(2, engine.width))
    torch.testing.assert_close(engine.next_logprobs(TEXTS), before, rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(2, 31), (32,), (1, 2, 32)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    """The message names the shape and the width."""
    with pytest.raises(BadOption, match="no residual stream of 32 numbers"):
        logit_lens(tiny_engine("llama"), torch.zeros(shape))
