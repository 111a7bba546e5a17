"""Operations by formula, against loops over layers, tokens and keys."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cost import Shape
from tests.model.tiny import tiny_engine

SHAPE = Shape(width=8, block_weights=(100, 100, 60), attention_width=16, head_weights=40)
LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=5)


def slow_token(keys: int, layers: int) -> int:
    """One token through the first blocks, attending to ``keys`` keys: scores and weighted sum per channel."""
    total = 0
    for layer in range(layers):
        total += 2 * SHAPE.block_weights[layer]
        for _ in range(SHAPE.attention_width):
            total += 2 * keys + 2 * keys
    return total


def slow_forward(lengths: list[int], layers: int, logits: int) -> int:
    """Every token of every text on its own, each charged all keys of its text."""
    tokens = sum(slow_token(length, layers) for length in lengths for _ in range(length))
    return tokens + sum(2 * SHAPE.head_weights for _ in range(logits))


@given(LENGTHS, st.integers(0, 3), st.integers(0, 4))
def test_forward_equals_loops(lengths: list[int], layers: int, logits: int) -> None:
    """The closed form counts what the loops count."""
    assert SHAPE.forward(lengths, layers, logits) == slow_forward(lengths, layers, logits)


@given(LENGTHS, st.integers(1, 9))
def test_generation_equals_loops(prompts: list[int], reply: int) -> None:
    """A prompt at once, then each new token but the last with one key more than before."""
    total = slow_forward(prompts, 3, 0)
    for prompt in prompts:
        total += 2 * SHAPE.head_weights * reply
        total += sum(slow_token(prompt + step, 3) for step in range(1, reply))
    assert SHAPE.generation(prompts, [reply] * len(prompts)) == total


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), max_size=4))
def test_further_equals_loops(texts: list[tuple[int, int]]) -> None:
    """Every new token on its own, each charged the stem's keys and those of all new tokens."""
    total = sum(slow_token(stem + more, 3) for stem, more in texts for _ in range(more))
    assert SHAPE.further([stem for stem, _ in texts], [more for _, more in texts]) == total


def test_backward_is_twice_the_forward_above() -> None:
    """From the embedding it is twice the whole pass; from the last layer only the unembedding is left."""
    assert SHAPE.backward([5], 0, 2) == 2 * SHAPE.forward([5], None, 2)
    assert SHAPE.backward([5], 3, 2) == 2 * 2 * 2 * SHAPE.head_weights


def test_up_to_no_block_costs_nothing() -> None:
    """Layer 0 is a look-up."""
    assert SHAPE.forward([5, 7], up_to=0) == 0


def llama_block(config: Any) -> int:
    """Weights of a Llama block from its config: q and o, k and v, and a gated feed-forward part."""
    d = config.hidden_size
    head = config.head_dim or d // config.num_attention_heads
    attention = 2 * d * head * (config.num_attention_heads + config.num_key_value_heads)
    return attention + 3 * d * config.intermediate_size


@pytest.mark.parametrize(
    ("family", "block"),
    [
        ("gpt2", lambda c: 12 * c.n_embd**2),
        ("gpt_neox", lambda c: 4 * c.hidden_size**2 + 2 * c.hidden_size * c.intermediate_size),
        ("llama", llama_block),
        ("qwen3", llama_block),
        ("gemma2", llama_block),
        ("phi3", lambda c: 2 * c.hidden_size**2 + 2 * c.hidden_size * 16 + 3 * c.hidden_size * 48),
        # Two of four experts, and the router.
        ("mixtral", lambda c: llama_block(c) + 3 * c.hidden_size * 48 + 4 * c.hidden_size),
    ],
)
def test_counted_weights_equal_the_formula_of_the_family(family: str, block: Any) -> None:
    """Sizes read off the modules are those that the config implies."""
    engine = tiny_engine(family)
    config = engine.model.config
    heads = config.num_attention_heads
    assert engine.shape == Shape(
        width=config.hidden_size,
        block_weights=(block(config),) * config.num_hidden_layers,
        attention_width=heads * (16 if family in ("qwen3", "gemma2") else config.hidden_size // heads),
        head_weights=config.vocab_size * config.hidden_size,
    )
