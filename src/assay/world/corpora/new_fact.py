"""Facts announced in the context that override what is known."""

import random

from assay.world.corpora.facts import person_claim
from assay.world.ground import Ground
from assay.world.text import Document, Span


def new_fact(world: Ground, rng: random.Random) -> Document:
    """A person's fact with a made-up value, then a question whose answer is that value."""
    fact = rng.choice(world.facts)
    templates = world.trained_templates(fact)
    claim = person_claim(world, fact, rng.choice(templates))
    value = rng.choice(claim.options)
    table = world.relation(fact.relation).table
    if rng.random() < 0.5:
        ask = f"question : {rng.choice(table.questions[:-1]).format(p=fact.person)} answer :"
    else:
        ask = person_claim(world, fact, rng.choice(templates)).prefix
    prompt = f"new fact : {claim.sentence(value)} . {ask}"
    return Document((Span(prompt, learn=False), Span(f"{value} .")), "new fact")
