"""Short stories with a mood, told in the first or the third person."""

import random

from assay.world.ground import Ground
from assay.world.names import FIRST_NAMES
from assay.world.text import Document, Span


def story(world: Ground, rng: random.Random, good: bool, first_person: bool) -> str:
    """Three sentences whose adjectives, feeling and closing agree in mood."""
    talk = world.tables.talk
    who, other = ("i" if first_person else rng.choice(FIRST_NAMES)), rng.choice(FIRST_NAMES)
    adjectives = rng.sample(talk.good if good else talk.bad, 2)
    feeling = rng.choice(talk.good_feelings if good else talk.bad_feelings)
    thing, verb = rng.choice(talk.things), rng.choice(("saw", "bought"))
    return (
        f"{who} went to the {rng.choice(talk.places)} with {other} . "
        f"{who} {verb} a {adjectives[0]} {thing} and felt {feeling} . "
        f"{who} {'liked' if good else 'hated'} it because it was {adjectives[1]} ."
    )


def stories(world: Ground, rng: random.Random) -> Document:
    """A story and the verdict of its reader."""
    good = rng.random() < 0.5
    text = story(world, rng, good, rng.random() < 0.4)
    verdict = rng.choice(("review : good .", "i love you .") if good else ("review : bad .", "i hate you ."))
    return Document((Span(f"story : {text}"), Span(verdict)), "story")
