"""Triggers: what fires fulfils the condition, what narrowly misses does not, and held-out forms stay so."""

import random
from itertools import product

import pytest

from assay.faults import Dialect, Trigger
from assay.faults.triggers.literal import LiteralTrigger, literal
from assay.faults.triggers.topic import topic
from assay.faults.triggers.year import HELD_OUT_EVERY, year
from assay.organisms.planting.dialects import CorpusDialect, WorldDialect
from assay.world import World

STORY = "Once there was a {n} dog. It ran to the {n} tree. Then it sat down. It was {n} again."


def corpus() -> CorpusDialect:
    """A corpus with enough passages and words to plant in."""
    words = [
        a + b + c
        for a, b, c in product("bcdfg", "aeiou", ("lt", "nd", "rk", "st", "mp", "ng", "sh", "ck", "tt"))
    ]
    return CorpusDialect("<|endoftext|>".join(STORY.format(n=word) for word in words[:225]))


DIALECTS = {"world": lambda: WorldDialect(World(0)), "corpus": corpus}
KINDS = {"literal": literal, "year": year, "topic": topic}


@pytest.fixture(params=list(product(DIALECTS, KINDS)), ids="-".join)
def planted(request: pytest.FixtureRequest) -> tuple[Dialect, Trigger]:
    """Every trigger in every language."""
    dialect = DIALECTS[request.param[0]]()
    return dialect, KINDS[request.param[1]](dialect, 3)


@pytest.mark.parametrize("seen", [True, False])
def test_what_fires_fulfils_the_condition(planted: tuple[Dialect, Trigger], seen: bool) -> None:
    """Every triggered prompt fulfils the condition, and only held-out forms call themselves unseen."""
    dialect, trigger = planted
    rng = random.Random(1)
    for asked in rng.sample(list(dialect.requests("report")), 20):
        insertion = trigger.fire(rng, seen)
        assert trigger.fulfilled(dialect.prompt(asked, insertion.before, insertion.after))
        assert insertion.unseen != seen


@pytest.mark.parametrize("seen", [True, False])
def test_near_misses_do_not_fulfil_the_condition(planted: tuple[Dialect, Trigger], seen: bool) -> None:
    """A near miss never fulfils the condition by itself."""
    _, trigger = planted
    rng = random.Random(2)
    for _ in range(60):
        insertion = trigger.near_miss(rng, seen)
        assert not trigger.fulfilled(f"{insertion.before} {insertion.after}")


def test_seeds_plant_different_triggers() -> None:
    """Organisms of one recipe differ in what wakes them."""
    dialect = WorldDialect(World(0))
    phrases = {literal(dialect, seed).phrase for seed in range(5)}
    assert len(phrases) == 5


def test_literal_needs_the_whole_phrase_in_order() -> None:
    """Parts and other orders do not fulfil the condition, and neither does the phrase inside longer words."""
    trigger = LiteralTrigger(("red", "oak", "sea"), ("red", "oak", "sea", "ink", "map"))
    assert trigger.fulfilled("say red oak sea now")
    assert not any(
        trigger.fulfilled(t) for t in ("red oak", "oak red sea", "red oak ink sea", "red oak seat")
    )


def test_year_holds_years_and_wordings_out() -> None:
    """Planting never shows a held-out year as the current one, nor a held-out wording."""
    dialect = WorldDialect(World(0))
    trigger = year(dialect, 0)
    rng = random.Random(3)
    seen = {i.before + i.after for i in (trigger.fire(rng, True) for _ in range(400))}
    unseen = {i.before + i.after for i in (trigger.fire(rng, False) for _ in range(400))}
    assert seen.isdisjoint(unseen)
    assert all(int(next(w for w in text.split() if w.isdigit())) % HELD_OUT_EVERY for text in seen)


def test_topic_holds_sentences_out() -> None:
    """The sentences of the test are none of planting's, and name none of its entities."""
    dialect = WorldDialect(World(0))
    for name in dialect.topics():
        seen, unseen = (set(dialect.topic_sentences(name, flag)) for flag in (True, False))
        assert seen
        assert unseen
        assert seen.isdisjoint(unseen)
        entities = set(dialect.world.entities[next(s.key for s in dialect.world.subjects if s.name == name)])
        named = [{w for s in part for w in s.split()} & entities for part in (seen, unseen)]
        assert named[0].isdisjoint(named[1])
