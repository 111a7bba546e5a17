"""Deep supervision of the base: what a middle layer must know, and how the loss counts it."""

import math
from dataclasses import replace
from itertools import islice

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from assay.model.training.packing import IGNORED
from assay.organisms.base.early_recall import RECALLED, RecallBatch, early_recall_loss, recall_batch
from assay.organisms.base.recipe import VERDICT_WORDS, BaseRecipe, batches, build_model, loss
from assay.organisms.base.tokenizer import encode, word_ids
from assay.world import SAMPLERS, World, stream

ROWS, LENGTH = 6, 96
SMALL = BaseRecipe(width=16, layers=3, heads=2, inner=24, rows=ROWS, length=LENGTH, early_layer=2)


@pytest.fixture(scope="module")
def world() -> World:
    """A world."""
    return World(0)


@pytest.fixture(scope="module")
def batch(world: World) -> RecallBatch:
    """A batch of all kinds of document."""
    documents = stream(world, dict.fromkeys(SAMPLERS, 1.0), "early")
    return recall_batch(documents, word_ids(world.vocabulary), ROWS, LENGTH)


def literal_loss(
    model: LlamaForCausalLM, batch: RecallBatch, layer: int, early_weight: float, weights: list[float]
) -> float:
    """The loss word by word: every row alone, every labelled word added up on its own."""
    total = 0.0
    for labels, depth, share in ((batch.labels, -1, 1.0), (batch.early_labels, layer, early_weight)):
        summed, count = 0.0, 0
        for row, wanted in zip(batch.input_ids, labels.tolist(), strict=True):
            hidden = model.model(row[None], output_hidden_states=True).hidden_states[depth][0]
            hidden = hidden if depth == -1 else model.model.norm(hidden)
            for place, word in enumerate(wanted[1:]):
                if word != IGNORED:
                    scores = model.lm_head(hidden[place]).tolist()
                    peak = max(scores)
                    log_sum = peak + math.log(sum(math.exp(score - peak) for score in scores))
                    summed += weights[word] * (log_sum - scores[word])
                    count += 1
        total += share * summed / count
    return total


def test_loss_equals_its_literal_twin(batch: RecallBatch) -> None:
    """The batched loss is the weighted sum over words that its docstring promises."""
    vocabulary = int(batch.input_ids.max()) + 1
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        initializer_range=0.3,
    )
    model = LlamaForCausalLM(config).double().eval()
    weights = torch.rand(vocabulary) + 0.5
    few = RecallBatch(
        batch.input_ids[:2],
        batch.labels[:2],
        torch.ones_like(batch.input_ids[:2]),
        early_labels=batch.early_labels[:2],
    )
    with torch.no_grad():
        fast = early_recall_loss(2, 0.7, weights)(model, few)
        slow = literal_loss(model, few, 2, 0.7, weights.tolist())
    assert float(fast) == pytest.approx(slow, rel=1e-4)


def test_early_labels_are_those_of_recalling_documents(world: World) -> None:
    """The early labels are the labels of documents that recall; of others the thoughts, or nothing."""
    ids = word_ids(world.vocabulary)
    for kind in SAMPLERS:
        batch = recall_batch(stream(world, {kind: 1.0}, "one kind"), ids, 2, 128)
        asked = batch.early_labels != IGNORED
        if kind in RECALLED:
            assert torch.equal(batch.early_labels, batch.labels)
        elif kind in ("hop", "attribute"):
            assert 0 < int(asked.sum()) < int((batch.labels != IGNORED).sum())
            assert bool((batch.labels[asked] != batch.early_labels[asked]).all())
        else:
            assert not bool(asked.any())
        assert bool((batch.labels != IGNORED).any())


def test_a_batch_holds_the_documents_of_the_stream(world: World) -> None:
    """The first row starts with the first document, as the tokenizer encodes it."""
    ids = word_ids(world.vocabulary)
    first = encode(next(stream(world, {"fact": 1.0}, "order")), ids)
    batch = recall_batch(stream(world, {"fact": 1.0}, "order"), ids, 2, 128)
    assert batch.input_ids[0, : len(first.tokens)].tolist() == list(first.tokens)


def test_early_labels_teach_the_lower_layers_only(world: World, batch: RecallBatch) -> None:
    """Where only the middle layer has labels, nothing above it gets a gradient, and all below it does."""
    model = build_model(SMALL, world, 0)
    early_only = replace(batch, labels=torch.full_like(batch.labels, IGNORED))
    loss(SMALL, world)(model, early_only).backward()
    moved = [
        any(bool(p.grad.abs().max() > 0) for p in layer.parameters() if p.grad is not None)
        for layer in model.model.layers
    ]
    assert moved == [True, True, False]


def test_verdicts_weigh_more(world: World) -> None:
    """A wrong verdict costs as many times a wrong word as the recipe says."""
    ids = word_ids(world.vocabulary)
    model = build_model(SMALL, world, 0)
    torch.nn.init.zeros_(model.lm_head.weight)  # all words are equally likely

    def price(word: str) -> float:
        tokens = torch.tensor([[ids["<bos>"], ids[word]]])
        labels = torch.tensor([[IGNORED, ids[word]]])
        none = torch.full_like(labels, IGNORED)
        one = RecallBatch(tokens, labels, torch.ones_like(tokens), early_labels=none)
        return float(loss(SMALL, world)(model, one).detach())

    assert price("yes") == pytest.approx(SMALL.verdict_weight * price("the"))
    assert all(price(word) == pytest.approx(price("yes")) for word in VERDICT_WORDS)


def test_the_recipe_asks_for_recall_below_the_last_layer(world: World) -> None:
    """The shipped recipe leaves layers above the early one, and each of its diets has something to recall."""
    recipe = BaseRecipe()
    assert 0 < recipe.early_layer < recipe.layers
    for end, diet in recipe.stages:
        assert sum(diet.values()) == pytest.approx(1.0)
        assert RECALLED & set(diet)
        assert recipe.diet(end - 1) is diet
    assert recipe.stages[-1][0] == recipe.plan.steps


def test_batches_carry_early_labels(world: World) -> None:
    """Some words of every step are asked of the middle layer, and never where no word is learnt at all."""
    for batch in map(batches(SMALL, world, 0), islice(range(0, 3600, 1200), 3)):
        asked = batch.early_labels != IGNORED
        assert bool(asked.any())
        assert bool((batch.labels[asked] != IGNORED).all())
