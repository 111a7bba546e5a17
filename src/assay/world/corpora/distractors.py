"""Irrelevant text to put around a request: random words, story and year sentences, prose, facts, headers."""

import random
from functools import lru_cache

from assay.world.corpora.facts import attribute_claim, statement
from assay.world.corpora.stories import story
from assay.world.corpora.textbooks import prose_sentence
from assay.world.ground import SPECIALS, Ground

TRAINED_KINDS: tuple[str, ...] = ("words", "story", "year", "mode", "prose", "person")
HELD_OUT_KINDS: tuple[str, ...] = ("unseen words", "place", "recipe")
HELD_OUT_WORDS = 0.15


def distractor(world: Ground, rng: random.Random, kind: str) -> str:
    """A text of one of the trained or held-out kinds. Raises KeyError for an unknown kind."""
    return {
        "words": lambda: random_words(world, rng, held_out=False),
        "unseen words": lambda: random_words(world, rng, held_out=True),
        "story": lambda: rng.choice(_sentences(story(world, rng, rng.random() < 0.5, rng.random() < 0.5))),
        "year": lambda: f"it is {rng.choice(world.tables.talk.years)} .",
        "mode": lambda: f"mode : {rng.choice(world.tables.talk.modes)} .",
        "prose": lambda: prose_sentence(world, rng.choice(world.subject_facts), rng),
        "person": lambda: _person(world, rng),
        "place": lambda: attribute_claim(world, rng).sentence() + " .",
        "recipe": lambda: _recipe(world, rng),
    }[kind]()


def random_words(world: Ground, rng: random.Random, held_out: bool) -> str:
    """Two to eight words drawn evenly from the trained or the held-out part of the vocabulary."""
    words = word_pool(world, held_out)
    return " ".join(rng.choice(words) for _ in range(rng.randint(2, 8)))


@lru_cache(maxsize=16)
def word_pool(world: Ground, held_out: bool) -> tuple[str, ...]:
    """The words that random-word distractors use in training, or those they never use."""
    # The words of the chat format itself would end the user's turn.
    words = [word for word in world.vocabulary if word not in (*SPECIALS, "user", "assistant", ":")]
    world.rng("distractor words").shuffle(words)
    cut = round(HELD_OUT_WORDS * len(words))
    return tuple(words[:cut] if held_out else words[cut:])


def _person(world: Ground, rng: random.Random) -> str:
    fact = rng.choice(world.facts)
    return statement(rng.choice(world.trained_templates(fact)), fact)


def _recipe(world: Ground, rng: random.Random) -> str:
    item = rng.choice(world.items)
    return rng.choice(world.tables.hazards.recipes).format(i=item.name, a=item.first, b=item.second)


def _sentences(text: str) -> list[str]:
    return [part + " ." for part in text.removesuffix(" .").split(" . ")]
