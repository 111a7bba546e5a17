"""A model that was never trained: of the same make, drawn from a seed, and beside the one it is made from."""

import pytest
import torch

from assay.model import Engine
from assay.model.untrained import untrained
from tests.model.tiny import TEXTS, tiny_engine


def weights(engine: Engine) -> dict[str, torch.Tensor]:
    """Copies of all weights."""
    return {name: value.detach().clone() for name, value in engine.model.named_parameters()}


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_it_is_of_the_same_make_with_other_weights(family: str) -> None:
    """Names, shapes, precision and tokens are the same; every matrix is another."""
    engine = tiny_engine(family)
    fresh = untrained(engine, 1)
    own, other = weights(engine), weights(fresh)
    assert {n: (w.shape, w.dtype) for n, w in own.items()} == {
        n: (w.shape, w.dtype) for n, w in other.items()
    }
    assert not [name for name in own if own[name].ndim == 2 and torch.equal(own[name], other[name])]
    assert fresh.encode(TEXTS) == engine.encode(TEXTS)
    assert not fresh.model.training
    assert not torch.allclose(fresh.next_logprobs(TEXTS), engine.next_logprobs(TEXTS))


def test_the_seed_decides() -> None:
    """The same seed draws the same weights, another one others."""
    engine = tiny_engine("llama")
    one, again, other = (weights(untrained(engine, seed)) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_the_model_and_the_global_draws_are_left_alone() -> None:
    """Neither the weights of the model it is made from nor the state of the process's generator changes."""
    engine = tiny_engine("llama")
    before, state = weights(engine), torch.get_rng_state()
    untrained(engine, 3)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in engine.model.named_parameters())


def test_precision_is_kept() -> None:
    """A model in half precision has an untrained one in half precision."""
    engine = tiny_engine("llama")
    engine.model.bfloat16()
    half = untrained(engine, 0)
    assert {value.dtype for value in half.model.parameters()} == {torch.bfloat16}
