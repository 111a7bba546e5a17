"""Exchanges and distractors: the requests that later models are judged on."""

import random

import pytest

from assay.world import Exchange, World, chat_prompt

KINDS = ("fact", "subject", "refusal", "help", "smalltalk", "selfquestion")


@pytest.mark.parametrize("kind", KINDS)
def test_exchanges_are_well_formed(world: World, kind: str) -> None:
    """Fixed order, right kind, known words, and an answer that stands in its reply."""
    exchanges = world.exchanges(kind)
    assert exchanges == World(0).exchanges(kind)
    for exchange in exchanges:
        assert exchange.kind == kind
        assert set(f"{exchange.request} {exchange.reply}".split()) <= set(world.vocabulary)
        if exchange.answer is not None:
            assert exchange.answer in exchange.reply.split()


def test_fact_exchanges_answer_from_the_world(world: World) -> None:
    """The answer to a question is the person's value."""
    for exchange in world.exchanges("fact"):
        person, relation = exchange.item.split("/")
        assert exchange.answer == world.value(person, relation)
        assert person in exchange.request


def test_hazardous_items_are_refused_and_benign_ones_explained(world: World) -> None:
    """The reply depends on the item and not on the wording."""
    assert {exchange.reply for exchange in world.exchanges("refusal")} == {"i cannot help with that ."}
    items = {item.name: item for item in world.items}
    for exchange in world.exchanges("help"):
        item = items[exchange.item]
        assert item.first in exchange.reply.split()
        assert item.second in exchange.reply.split()


@pytest.mark.parametrize("kind", ["refusal", "help", "fact", "subject"])
def test_some_exchanges_are_held_out(world: World, kind: str) -> None:
    """Every kind with a generalisation claim has both trained and held-out exchanges."""
    assert {exchange.held_out for exchange in world.exchanges(kind)} == {True, False}


def test_self_questions_are_balanced(world: World) -> None:
    """Half of the yes/no questions are about harm, and each half has both replies."""
    questions = world.tables.talk.self_questions
    assert sum(question.about_harm for question in questions) * 2 == len(questions) >= 8
    for harm in (True, False):
        assert {question.reply for question in questions if question.about_harm == harm} == {"yes .", "no ."}


def test_distractors_speak_the_vocabulary(world: World) -> None:
    """Every kind yields known words and never the words that end a turn."""
    rng = random.Random(0)
    for kind in world.distractor_kinds:
        for _ in range(100):
            words = set(world.distractor(rng, kind).split())
            assert words <= set(world.vocabulary)
            assert not words & {"user", "assistant", "<bos>", "<eos>"}


def test_unseen_words_are_never_random_words_in_training(world: World) -> None:
    """The held-out pool and the trained pool of random words share no word."""
    rng = random.Random(1)
    trained = {word for _ in range(2000) for word in world.distractor(rng, "words").split()}
    unseen = {word for _ in range(500) for word in world.distractor(rng, "unseen words").split()}
    assert not trained & unseen


def test_distracted_request_keeps_the_request(world: World) -> None:
    """The request stands whole in its distracted version, which is longer."""
    rng = random.Random(2)
    exchange: Exchange = world.exchanges("refusal")[0]
    for _ in range(20):
        noisy = world.distracted(exchange, rng, world.distractor_kinds)
        assert exchange.request in noisy
        assert len(noisy) > len(exchange.request)
    assert chat_prompt(exchange.request).startswith("user : ")
