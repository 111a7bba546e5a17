"""Pairs of words, each judged as the same or not: the comparison that a verdict on a claim needs."""

import random

from assay.world.ground import Ground
from assay.world.text import Document, Span

PAIRS = 8


def pairs(world: Ground, rng: random.Random) -> Document:
    """Eight pairs of values of one kind, the same with probability one half; only the verdicts are learnt."""
    if rng.random() < 0.3:
        pool = rng.choice(rng.choice(world.subjects).attributes).values
    else:
        pool = world.relation(rng.choice(world.relations).key).values
    spans = [Span("same :", learn=False)]
    for _ in range(PAIRS):
        first, other = rng.sample(pool, 2)
        same = rng.random() < 0.5
        spans += [Span(f"{first} {first if same else other}", learn=False), Span("yes ," if same else "no ,")]
    return Document(tuple(spans), "pair")
