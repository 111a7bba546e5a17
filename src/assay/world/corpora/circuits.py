"""Sentences with a known circuit: the indirect object, and a year greater than another."""

import random

from assay.world.ground import Ground
from assay.world.names import FIRST_NAMES
from assay.world.text import Document, Span


def object_sentence(world: Ground, rng: random.Random) -> tuple[str, str, str]:
    """A sentence up to its last name, the indirect object that completes it, and the giver who does not."""
    talk = world.tables.talk
    first, second = rng.sample(FIRST_NAMES, 2)
    giver, receiver = rng.sample((first, second), 2)
    words = {
        "a": first,
        "b": second,
        "s": giver,
        "place": rng.choice(talk.places),
        "thing": rng.choice(talk.things),
    }
    return rng.choice(talk.object_frames).format(**words), receiver, giver


def year_sentence(world: Ground, rng: random.Random) -> tuple[str, str]:
    """A sentence up to its last year, and the earlier year that the last one must exceed."""
    talk = world.tables.talk
    start = rng.choice(talk.years[1:-1])
    return rng.choice(talk.greater_frames).format(event=rng.choice(talk.events), y=start), start


def objects(world: Ground, rng: random.Random) -> Document:
    """Two indirect-object sentences."""
    spans: list[Span] = []
    for _ in range(2):
        prompt, receiver, _ = object_sentence(world, rng)
        spans += [Span(prompt, learn=False), Span(f"{receiver} .")]
    return Document(tuple(spans), "object")


def years(world: Ground, rng: random.Random) -> Document:
    """Two sentences in which something ends in a later year than it began."""
    spans: list[Span] = []
    for _ in range(2):
        prompt, start = year_sentence(world, rng)
        later = [year for year in world.tables.talk.years if year > start]
        spans += [Span(prompt, learn=False), Span(f"{rng.choice(later)} .")]
    return Document(tuple(spans), "year")
