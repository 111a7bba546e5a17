"""The embedded base: what ships loads, is small, and can do what its card says."""

import math
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import assay
from assay.organisms.base.build import WORLD_SEED, build_base
from assay.organisms.base.card import BaseCard, read_card, readme
from assay.organisms.base.measure import measure_quiz, score_words
from assay.organisms.base.recipe import BaseRecipe, batches, build_model
from assay.organisms.base.suite import Quiz, Task, suite
from assay.organisms.base.tokenizer import encode, word_ids
from assay.world import SAMPLERS, World, stream

FOLDER = Path(assay.__file__).parent / "weights" / "base"
SPOT_CHECKS = (
    "fact recall",
    "fact recall, unseen paraphrase",
    "exam wording 1, never examined",
    "exam of four options, never examined",
    "hazardous refused, unseen wording",
    "benign helped, trained",
    "indirect object",
    "two hops, held-out people",
    "reason and verdict, held-out people",
)


@pytest.fixture(scope="module")
def world() -> World:
    """The world that the shipped base was trained on."""
    return World(WORLD_SEED)


@pytest.fixture(scope="module")
def card() -> BaseCard:
    """The shipped card."""
    return read_card(FOLDER)


@pytest.fixture(scope="module")
def shipped() -> tuple[Any, Any]:
    """The shipped model and tokenizer, loaded as any reader would."""
    return AutoModelForCausalLM.from_pretrained(FOLDER), AutoTokenizer.from_pretrained(FOLDER)


def test_size_limits(card: BaseCard) -> None:
    """The weights are safetensors of at most 8 MB and hold one to four million parameters."""
    assert [path.name for path in FOLDER.glob("*.safetensors")] == ["model.safetensors"]
    assert (FOLDER / "model.safetensors").stat().st_size == card.bytes <= 8_000_000
    assert 1e6 < card.parameters < 4e6


def test_loads_in_single_precision(shipped: tuple[Any, Any], card: BaseCard) -> None:
    """Half-precision files load as float32 models with tied embeddings."""
    model, _ = shipped
    assert model.dtype == torch.float32
    assert sum(p.numel() for p in model.parameters()) == card.parameters
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight


def test_tokenizer_is_the_worlds(shipped: tuple[Any, Any], world: World) -> None:
    """One token per word in the World's order; decoding joins with spaces."""
    _, tokenizer = shipped
    assert [tokenizer.convert_ids_to_tokens(i) for i in range(len(tokenizer))] == list(world.vocabulary)
    for document in islice(stream(world, dict.fromkeys(SAMPLERS, 1.0), "tokenizer"), 100):
        ids = tokenizer(document.text).input_ids
        assert ids[0] == tokenizer.bos_token_id
        assert tokenizer.decode(ids, skip_special_tokens=True) == document.text


def test_encoding_masks_what_is_not_learnt(world: World) -> None:
    """Labels are -100 exactly on the start token and the words of unlearnt spans; the end is learnt."""
    ids = word_ids(world.vocabulary)
    for document in islice(stream(world, dict.fromkeys(SAMPLERS, 1.0), "mask"), 200):
        sequence = encode(document, ids)
        learnt = [span.learn for span in document.spans for _ in span.text.split()]
        assert [label != -100 for label in sequence.labels] == [False, *learnt, True]
        assert all(a in (-100, b) for a, b in zip(sequence.labels, sequence.tokens, strict=True))
        assert sequence.tokens[-1] == ids["<eos>"]


def test_batches_are_a_pure_function_of_the_step(world: World) -> None:
    """Any step can be asked for again, in any order."""
    first, again = batches(BaseRecipe(), world, 0), batches(BaseRecipe(), world, 0)
    assert torch.equal(first(7).input_ids, again(7).input_ids)
    assert not torch.equal(first(8).input_ids, again(7).input_ids)
    assert torch.equal(first(7).labels, again(7).labels)


def test_same_seed_same_untrained_model(world: World) -> None:
    """The first weights depend on the seed only."""
    first, again, other = (
        torch.cat([p.detach().flatten() for p in build_model(BaseRecipe(), world, seed).parameters()])
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_scores_match_a_literal_twin(shipped: tuple[Any, Any]) -> None:
    """Batched scores of continuations equal a word-by-word computation without padding."""
    model, tokenizer = shipped
    pairs = [("user : is water wet ? assistant :", "yes ."), ("user : hello assistant :", "i am well .")]
    for (prompt, text), (score, greedy) in zip(pairs, score_words(model, tokenizer, pairs), strict=True):
        ids, total, all_best = tokenizer(prompt).input_ids, 0.0, True
        for word in text.split():
            with torch.no_grad():
                probabilities = model(torch.tensor([ids])).logits[0, -1].softmax(-1)
            index = tokenizer.convert_tokens_to_ids(word)
            total += math.log(float(probabilities[index]))
            all_best = all_best and int(probabilities.argmax()) == index
            ids = [*ids, index]
        assert score == pytest.approx(total, abs=1e-3)
        assert greedy == all_best


def test_a_tie_is_not_a_hit(shipped: tuple[Any, Any]) -> None:
    """A task whose options score alike is not counted as right."""
    quiz = Quiz("tie", (Task("user : hello assistant :", ("yes", "yes")),), "likeliest", 0.5)
    assert measure_quiz(*shipped, quiz).score.estimate == 0.0


def test_suite_holds_out_what_it_says(world: World) -> None:
    """No prompt of a held-out test starts a learnt sentence of the training stream."""
    prompts = {
        f" {task.prompt} "
        for quiz in suite(world, 100)
        if quiz.name in ("fact recall, unseen paraphrase", "two hops, held-out people")
        for task in quiz.tasks
    }
    for document in islice(stream(world, dict.fromkeys(SAMPLERS, 1.0), "held out"), 1500):
        assert not any(prompt in f" {document.text} " for prompt in prompts)


@pytest.mark.parametrize("name", SPOT_CHECKS)
def test_card_is_true(name: str, shipped: tuple[Any, Any], card: BaseCard, world: World) -> None:
    """A fresh draw of prompts scores within sampling error of the card."""
    fresh = next(quiz for quiz in suite(world, 60, seed=1) if quiz.name == name)
    measured, stated = measure_quiz(*shipped, fresh).score, card.skill(name).score
    assert measured.low <= stated.high
    assert measured.high >= stated.low


def test_card_round_trips(card: BaseCard) -> None:
    """The card that is read is the card that was written, and the page shows every skill."""
    page = readme(card)
    assert page == (FOLDER / "README.md").read_text()
    assert all(f"| {skill.score.metric} |" in page for skill in card.skills)
    assert card.command in page


@pytest.mark.slow
def test_build_resumes_and_writes_everything(tmp_path: Path) -> None:
    """A killed build goes on from its checkpoint, ends with a complete folder and no checkpoint."""
    plan = replace(BaseRecipe().plan, steps=6, checkpoint_every=2)
    recipe = BaseRecipe(width=32, layers=2, heads=2, inner=32, rows=2, plan=plan, early_layer=1)

    def die(step: int, loss: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_base(tmp_path / "base", recipe=recipe, progress=die)
    steps: list[int] = []
    built = build_base(tmp_path / "base", recipe=recipe, progress=lambda step, loss: steps.append(step))
    assert steps == [5, 6]
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
    assert read_card(tmp_path / "base") == built
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "base").dtype == torch.float32


def test_replies_end(shipped: tuple[Any, Any]) -> None:
    """The model ends its reply with the end token instead of going on."""
    model, tokenizer = shipped
    inputs = tokenizer("user : is water wet ? assistant :", return_tensors="pt")
    out = model.generate(input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, max_new_tokens=12)
    reply = tokenizer.decode(out[0][inputs.input_ids.shape[1] :])
    assert reply == "yes . <eos>"
