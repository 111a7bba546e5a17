"""The training stream: a weighted mixture of all corpora, a pure function of seed and step."""

import random
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from assay.world.corpora import (
    chats,
    circuits,
    exams,
    facts,
    hops,
    new_fact,
    pairs,
    recipes,
    stories,
    textbooks,
    verification,
)
from assay.world.ground import Ground
from assay.world.text import Document

Sampler = Callable[[Ground, random.Random], Document]


def _talk(kind: str) -> Sampler:
    return partial(chats.conversation, kind=kind)


SAMPLERS: dict[str, Sampler] = {
    "fact": facts.person_facts,
    "attribute": facts.attribute_facts,
    "prose": textbooks.prose,
    "exam": exams.exam,
    "hop": hops.hops,
    "check": verification.checks,
    "pair": pairs.pairs,
    "claim": verification.claims,
    "considered claim": verification.considered_claims,
    "new fact": new_fact.new_fact,
    "recipe": recipes.recipes,
    "object": circuits.objects,
    "year": circuits.years,
    "story": stories.stories,
    "chat fact": _talk("fact"),
    "chat subject": _talk("subject"),
    "refusal": _talk("refusal"),
    "help": _talk("help"),
    "smalltalk": _talk("smalltalk"),
    "selfquestion": _talk("selfquestion"),
}


def stream(world: Ground, weights: Mapping[str, float], seed: str) -> Iterator[Document]:
    """Endless documents, each of a kind drawn by weight; the same arguments give the same documents.

    >>> a, b = (stream(Ground(0), {"fact": 1.0, "hop": 1.0}, "0/7") for _ in range(2))
    >>> [next(a) for _ in range(5)] == [next(b) for _ in range(5)]
    True
    """
    rng = random.Random(f"{world.seed}/{seed}")
    kinds = tuple(weights)
    while True:
        kind = rng.choices(kinds, [weights[key] for key in kinds])[0]
        yield SAMPLERS[kind](world, rng)
