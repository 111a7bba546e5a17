"""Causal tracing: every restored state equals a run of the bare model with hooks set by hand."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.core.seed import derive
from assay.model import Engine
from assay.model.patching.tracing import ROLES, Noise, Part, Traced, trace
from tests.model.tiny import tiny_engine

NOISE = Noise(scale=3.0, draws=3, seed=5)
PARTS: tuple[Part, ...] = ("resid", "mlp", "attn")


def table_of(engine: Engine) -> Tensor:
    """The token embedding."""
    return engine.body.parts.embedding.detach()


def fact(text: str, subject: str, answer: str | None = None) -> Traced:
    """A fact by its words."""
    start = text.index(subject)
    return Traced(text, start, start + len(subject), answer)


FACTS = [
    fact("the big red cat sat on the", "big red cat", " mat"),
    fact("dog ran and", "dog"),
    fact("was the red mat", "red mat", " big"),
    fact("user the cat was", "the cat", " red"),
]
SUBJECTS = [range(2, 5), range(1, 2), range(3, 5), range(2, 4)]
"""Their tokens, behind the one that the tokenizer puts in front."""


def submodule(model: Any, part: Part, layer: int) -> Any:
    """Where a part is written in the bare model."""
    if model.config.model_type == "gpt2":
        block = model.transformer.h[layer]
        return {"resid": block, "mlp": block.mlp, "attn": block.attn}[part]
    block = model.model.layers[layer]
    return {"resid": block, "mlp": block.mlp, "attn": block.self_attn}[part]


def by_hand(model: Any, ids: list[int], noise: Tensor, restored: list[tuple[Any, int, Tensor]]) -> Tensor:
    """Next-token probabilities of one run: noise at every position given, and some outputs replaced."""

    def put(place: int, value: Tensor) -> Any:
        def hook(_: Any, __: Any, out: Any) -> Any:
            new = (out[0] if isinstance(out, tuple) else out).clone()
            new[0, place] = value
            return (new, *out[1:]) if isinstance(out, tuple) else new

        return hook

    hooks = [model.get_input_embeddings().register_forward_hook(lambda _, __, out: out + noise)]
    hooks += [module.register_forward_hook(put(place, value)) for module, place, value in restored]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits
    for hook in hooks:
        hook.remove()
    return logits[0, -1].softmax(-1)


def clean_values(model: Any, ids: list[int], part: Part) -> list[Tensor]:
    """What a part writes in every layer of the run without noise."""
    seen: list[Tensor] = []
    hooks = [
        submodule(model, part, layer).register_forward_hook(
            lambda _, __, out: seen.append((out[0] if isinstance(out, tuple) else out)[0])
        )
        for layer in range(3)
    ]
    with torch.no_grad():
        model(input_ids=torch.tensor([ids]), use_cache=False)
    for hook in hooks:
        hook.remove()
    return seen


def draws_of(engine: Engine, number: int) -> Tensor:
    """Noise of the whole prompt, "draw t d", straight from the definition."""
    table = table_of(engine)
    rows = engine.encode([f.text for f in FACTS])
    of_subjects = [table[row[i]] for row, subject in zip(rows, SUBJECTS, strict=True) for i in subject]
    sigma = NOISE.scale * torch.stack(of_subjects).std()
    generator = torch.Generator().manual_seed(derive("trace", NOISE.seed, FACTS[number].text))
    subject, width = SUBJECTS[number], table.shape[1]
    whole = torch.zeros(NOISE.draws, len(rows[number]), width)
    whole[:, subject] = sigma * torch.randn(NOISE.draws, len(subject), width, generator=generator)
    return whole


def roles(subject: range, length: int) -> list[list[int]]:
    """The tokens of each role, by looking at each."""
    first, last = min(subject), max(subject)
    tests = (
        lambda i: i == first,
        lambda i: first < i < last,
        lambda i: i == last,
        lambda i: i == last + 1,
        lambda i: last + 1 < i < length - 1,
        lambda i: i == length - 1,
    )
    return [[i for i in range(length) if test(i)] for test in tests]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize(("part", "window"), [("resid", None), ("mlp", None), ("attn", 2), ("mlp", 3)])
def test_every_state_equals_a_run_by_hand(family: str, part: Part, window: int | None) -> None:
    """One run for each token, layer and draw on the bare model gives the same numbers to 1e-5."""
    engine = tiny_engine(family)
    model: Any = engine.model
    reach = 1 if part == "resid" or window is None else window
    found = trace(engine, FACTS, part, NOISE, window)
    for number, ids in enumerate(engine.encode([f.text for f in FACTS])):
        nothing, noises = torch.zeros(len(ids), 32), draws_of(engine, number)
        clean = by_hand(model, ids, nothing, [])
        answer = FACTS[number].answer
        o = engine.encode([answer.strip()])[0][-1] if answer else int(clean.argmax())
        assert float(found.clean[number]) == pytest.approx(float(clean[o]), abs=1e-5)
        low = torch.stack([by_hand(model, ids, noise, [])[o] for noise in noises]).mean()
        assert float(found.corrupted[number]) == pytest.approx(float(low), abs=1e-5)
        values = clean_values(model, ids, part)
        wanted = torch.empty(len(ids), 3)
        for place in range(len(ids)):
            for layer in range(3):
                layers = range(max(0, layer - reach // 2), min(3, layer - (-reach // 2)))
                put = [(submodule(model, part, at), place, values[at][place]) for at in layers]
                runs = [by_hand(model, ids, noise, put)[o] for noise in noises]
                wanted[place, layer] = torch.stack(runs).mean()
        for role, members in enumerate(roles(SUBJECTS[number], len(ids))):
            expected = wanted[members].mean(0) if members else torch.full((3,), torch.nan)
            torch.testing.assert_close(
                found.restored[number, role], expected, rtol=0, atol=1e-5, equal_nan=True, msg=ROLES[role]
            )
    assert float(found.total_effect.abs().max()) > 0.01  # so that the comparison can fail
    assert float(found.indirect.nan_to_num().abs().max()) > 0.01


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox", "gemma2", "gemma3", "phi3", "mixtral"])
def test_the_last_state_decides_the_answer(family: str) -> None:
    """The stream after the last block at the last token gives the clean probability, at others nothing."""
    found = trace(tiny_engine(family), FACTS, "resid", NOISE)
    last = ROLES.index("last")
    torch.testing.assert_close(found.restored[:, last, -1], found.clean, rtol=0, atol=1e-6)
    assert float(found.total_effect.abs().max()) > 1e-3
    assert torch.equal(found.indirect[0, :last, -1], torch.zeros(last))


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_restoring_all_that_is_noisy_is_the_clean_run(family: str) -> None:
    """A subject of one token that ends its prompt: its stream, at any layer, brings back everything."""
    found = trace(tiny_engine(family), [fact("the cat ran and dog", "dog", " was")], "resid", NOISE)
    for role in ("first subject", "last subject", "last"):
        values = found.restored[0, ROLES.index(role)]
        torch.testing.assert_close(values, found.clean.expand(3), rtol=0, atol=1e-6)
    assert found.restored[0, [ROLES.index("first after"), ROLES.index("further")]].isnan().all()
    assert abs(float(found.total_effect)) > 1e-3


@pytest.mark.parametrize("part", PARTS)
def test_no_noise_no_effect(part: Part) -> None:
    """With a scale of zero the corrupted run is the clean one, whatever is restored."""
    found = trace(tiny_engine("gpt2"), FACTS, part, replace(NOISE, scale=0.0))
    torch.testing.assert_close(found.corrupted, found.clean, rtol=0, atol=1e-6)
    assert float(found.indirect.nan_to_num().abs().max()) <= 1e-6


@pytest.mark.parametrize("part", PARTS)
def test_a_fact_alone_gives_what_it_gives_among_others(part: Part) -> None:
    """Others matter only through the one spread of all subjects; the order does not, nor the batch."""
    engine = tiny_engine("llama")
    together = trace(engine, FACTS, part, NOISE)
    turned = trace(engine, FACTS[::-1], part, NOISE)
    torch.testing.assert_close(turned.restored.flip(0), together.restored, rtol=0, atol=1e-6, equal_nan=True)
    table = table_of(engine)
    rows = engine.encode([f.text for f in FACTS])
    vectors = [table[[row[i] for i in subject]] for row, subject in zip(rows, SUBJECTS, strict=True)]
    engine.batch_tokens = 1
    for number, one in enumerate(FACTS):
        scale = NOISE.scale * float(torch.cat(vectors).std() / vectors[number].std())
        alone = trace(engine, [one], part, replace(NOISE, scale=scale))
        torch.testing.assert_close(
            alone.restored[0], together.restored[number], rtol=0, atol=1e-5, equal_nan=True
        )


def test_noise_touches_the_subject_alone() -> None:
    """What the first block sees of the other tokens is what the model embeds, to the last bit."""
    engine, seen = tiny_engine("llama"), list[Tensor]()
    ids = engine.encode([FACTS[0].text])[0]
    # the first block sees what the embedding gives with its noise
    hook = engine.body.parts.blocks[0].register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    trace(engine, FACTS[:1], "resid", NOISE)
    hook.remove()
    noisy = next(value for value in seen if value.shape[:2] == (NOISE.draws, len(ids)))
    moved = (noisy - table_of(engine)[ids]).abs().amax(-1)
    touched = torch.zeros(len(ids), dtype=torch.bool)
    touched[list(SUBJECTS[0])] = True
    assert float(moved[:, ~touched].max()) == 0
    assert float(moved[:, touched].min()) > 0


def test_tokens_are_counted_by_the_blocks_that_they_meet() -> None:
    """One fact of one draw: a clean and a noisy run, and what resumes, a third for each of three blocks."""
    engine = tiny_engine("llama")
    found = trace(engine, FACTS[1:2], "resid", replace(NOISE, draws=1))
    # four tokens; from each of the last three on: layers 0 and 1 begin in blocks 1 and 2, and at the last
    # token layer 2 in block 2
    layers = 2 * 4 * 3 + (3 + 2 + 1) * (2 + 1) + 1
    assert found.tokens == -(-layers // 3)


def test_bad_facts_are_named() -> None:
    """A subject outside its text, an answer that is none, a window of nothing: one clear sentence each."""
    engine = tiny_engine("llama")
    for bad, match in (
        (Traced("the cat ran", 4, 40), "subject of fact 1"),
        (Traced("the cat ran", 3, 3), "subject of fact 1"),
        (Traced("the cat ran", 3, 4), "subject of fact 1"),
        (replace(FACTS[0], answer=""), "answer '' of fact 1"),
    ):
        with pytest.raises(BadOption, match=match):
            trace(engine, [FACTS[0], bad], "resid", NOISE)
    with pytest.raises(BadOption, match="a window and draws of at least 1"):
        trace(engine, FACTS, "mlp", NOISE, 0)
    with pytest.raises(BadOption, match="0 facts"):
        trace(engine, [], "mlp", NOISE)
