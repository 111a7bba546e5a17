"""Continuations from a shared prompt: the numbers of whole texts, with the prompt computed once."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, LlamaForCausalLM, RecurrentGemmaConfig

from assay.model import Engine
from assay.model.changing.change import add, changed
from assay.model.continuations import can_fork, forks
from tests.model.tiny import COMMON, FAMILIES, TEXTS, piece_tokenizer, tiny_engine, tiny_model, word_tokenizer

PROMPTS = [text for text in TEXTS for _ in range(4)]
OPTIONS = [" the cat", " .", " ran and then the big dog sat", " ?"] * len(TEXTS)


def twin(engine: Engine, prompts: list[str], more: list[str]) -> Tensor:
    """Each joint text alone in a plain pass without a cache, its continuation's tokens summed."""
    joined, starts = engine.split(prompts, more)
    sums: list[float] = []
    for text, start in zip(joined, starts, strict=True):
        ids = torch.tensor(engine.encode([text]))
        with torch.no_grad():
            table = engine.model(input_ids=ids, use_cache=False).logits[0].log_softmax(-1)
        sums.append(sum(float(table[i - 1, ids[0, i]]) for i in range(start, ids.shape[1])))
    return torch.tensor(sums)


@contextmanager
def passes(engine: Engine) -> Generator[list[tuple[int, ...]]]:
    """The shapes of what goes through the embedding inside."""
    went: list[tuple[int, ...]] = []
    embedding = engine.model.get_input_embeddings()
    hook = embedding.register_forward_pre_hook(lambda _, args: went.append(tuple(args[0].shape)))
    try:
        yield went
    finally:
        hook.remove()


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("batch_tokens", [1, 30, 512])
def test_sums_are_those_of_whole_texts(family: str, batch_tokens: int) -> None:
    """In all families, sliding windows among them: prompts of unlike lengths, one token, many, or none."""
    engine = tiny_engine(family)
    engine.batch_tokens = batch_tokens
    prompts, more = [*PROMPTS, "the cat", "hello", "hello"], [*OPTIONS, " sat", "", " dog"]
    assert can_fork(engine.body)
    sums, counts = engine.continuation_logprobs(prompts, more)
    assert counts.tolist() == [len(text.split()) for text in more]
    torch.testing.assert_close(sums, twin(engine, prompts, more), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"mixtral", "gpt_oss"}))  # experts have no float64
def test_double_precision_is_kept(family: str) -> None:
    """Cache, padding and masks add nothing but rounding: in float64 not even that shows."""
    model = tiny_model(family).double()
    engine = Engine(model, word_tokenizer())
    sums, _ = engine.continuation_logprobs(PROMPTS, OPTIONS)
    torch.testing.assert_close(sums, twin(engine, PROMPTS, OPTIONS), rtol=2e-7, atol=0)


@pytest.mark.parametrize("beginning", [False, True])
def test_merged_seams_are_cut_as_ever(beginning: bool) -> None:
    """Where one continuation merges with the prompt, what all share ends before the merged token."""
    engine = Engine(tiny_model(vocab_size=48), piece_tokenizer(beginning))
    prompts, more = ["the big red dog and the c"] * 4, ["at sat", " ran", "at", "at was big"]
    _, starts = engine.split(prompts, more)
    assert len(set(starts)) > 1
    with passes(engine) as went:
        sums, counts = engine.continuation_logprobs(prompts, more)
    assert went[0] == (1, min(starts) - 1)
    assert counts.tolist() == [
        n - start for n, start in zip(_lengths(engine, prompts, more), starts, strict=True)
    ]
    torch.testing.assert_close(sums, twin(engine, prompts, more), rtol=1e-5, atol=1e-5)


def _lengths(engine: Engine, prompts: list[str], more: list[str]) -> list[int]:
    return engine.lengths([prompt + rest for prompt, rest in zip(prompts, more, strict=True)])


def test_prompts_go_through_once() -> None:
    """Two passes: each prompt but for its last token, then each continuation but for its last token."""
    engine = tiny_engine()
    prompts = ["the cat sat on the mat and then", "was the dog big ? the dog was"]
    repeated, more = [p for p in prompts for _ in range(4)], [" the cat", " red dog", " big mat", " on ."] * 2
    with passes(engine) as went:
        engine.continuation_logprobs(repeated, more)
    stem = engine.lengths(prompts)[0] - 1
    assert went == [(2, stem), (8, 2)]
    with passes(engine) as went:
        engine.continuation_logprobs(repeated[::4], more[::4])
    assert went == [(2, stem + 3)]


def test_what_saves_little_is_not_shared() -> None:
    """A prompt with one continuation, or a short one with long continuations, goes as a whole text."""
    ids, starts = [list(range(20))] * 5, [10, 10, 15, 3, 3]
    found = forks(["a", "a", "b", "c", "c"], ids, starts)
    assert [fork.texts for fork in found] == [(0, 1)]
    assert forks(["a", "a"], [[1, 2], [1, 2]], [2, 2]) == []
    assert forks(["a"], [[1, 2, 3, 4]], [3]) == []


def test_padding_never_leaves_the_context() -> None:
    """Beside a short prompt with a long continuation, a prompt that fills the context is scored right."""
    engine = tiny_engine("gpt2")
    prompts = ["cat " * 36 + "cat", "the cat and the dog ran and then the dog"]
    repeated, more = (
        [p for p in prompts for _ in range(4)],
        [" sat", " ran"] * 2 + [" big" * 20, " red" * 20] * 2,
    )
    assert engine.lengths([prompts[0] + more[0]]) == [39]
    sums, _ = engine.continuation_logprobs(repeated, more)
    torch.testing.assert_close(sums, twin(engine, repeated, more), rtol=1e-5, atol=1e-5)


def test_changes_in_force_see_every_text_whole() -> None:
    """One vector per text reaches that text's own prompt, which is then not shared with others."""
    engine = tiny_engine()
    vectors = torch.randn(len(PROMPTS), 32, generator=torch.Generator().manual_seed(0))
    with changed(engine, add("resid_post.0", vectors, at=0)):
        assert not can_fork(engine.body)
        together, _ = engine.continuation_logprobs(PROMPTS, OPTIONS)
    assert can_fork(engine.body)
    for number, vector in enumerate(vectors):
        with changed(engine, add("resid_post.0", vector, at=0)):
            alone, _ = engine.continuation_logprobs(
                PROMPTS[number : number + 1], OPTIONS[number : number + 1]
            )
        torch.testing.assert_close(together[number], alone[0], rtol=1e-4, atol=1e-4)


def test_models_that_remember_in_another_way_do_not_fork() -> None:
    """Recurrent states cannot be gone on from by several; nothing is known of code that a model brings."""
    config: Any = RecurrentGemmaConfig(
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        lru_width=32,
        **COMMON,
    )
    recurrent = Engine(AutoModelForCausalLM.from_config(config).eval(), word_tokenizer())
    assert not can_fork(recurrent.body)
    sums, _ = recurrent.continuation_logprobs(PROMPTS, OPTIONS)
    torch.testing.assert_close(sums, twin(recurrent, PROMPTS, OPTIONS), rtol=1e-4, atol=1e-4)

    class Own(LlamaForCausalLM):
        """A model with a module of its own."""

    config = FAMILIES["llama"]()
    assert not can_fork(Engine(Own(config), word_tokenizer()).body)
