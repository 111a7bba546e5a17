"""Two-hop sentences: an attribute of whatever a person is related to, such as the country of a birthplace."""

import random
from collections.abc import Iterator

from assay.world.ground import Ground
from assay.world.people import Fact
from assay.world.relations import Attribute
from assay.world.text import Claim, Document, Span


def hop_claim(world: Ground, fact: Fact, attribute: Attribute, template: str, phrase: str) -> Claim:
    """The attribute's sentence with the person's description of the thing in place of the thing."""
    kind = world.relation(fact.relation).table.kind
    prefix = template.removesuffix(" {v}").format(x=phrase.format(p=fact.person))
    value = world.attribute(kind, fact.value, attribute.key)
    item = f"{fact.item}/{attribute.key}"
    held_out = fact.person in world.held_out["hop"]
    return Claim(prefix, value, world.attribute_values(kind, attribute.key), item, held_out)


def attributes_of(world: Ground, fact: Fact) -> tuple[Attribute, ...]:
    """What the value of a fact has."""
    key = world.relation(fact.relation).table.kind
    return next(kind.attributes for kind in world.tables.kinds if kind.key == key)


def all_hops(world: Ground) -> Iterator[Claim]:
    """Every written fact with every attribute of its value, in the first wording."""
    for fact in world.facts:
        for attribute in attributes_of(world, fact):
            phrase = world.relation(fact.relation).table.phrases[0]
            yield hop_claim(world, fact, attribute, attribute.templates[0], phrase)


def hops(world: Ground, rng: random.Random) -> Document:
    """Three two-hop sentences about people who are not held out of two-hop text."""
    spans: list[Span] = []
    for _ in range(3):
        claim = random_hop(world, rng)
        person, relation, _ = claim.item.split("/")
        spans += [Span(claim.prefix), Span(claim.value, thought=world.value(person, relation)), Span(".")]
    return Document(tuple(spans), "hop")


def random_hop(world: Ground, rng: random.Random) -> Claim:
    """A two-hop claim in any wording about a person who is not held out, drawn evenly over attributes."""
    while True:
        fact = rng.choice(world.facts)
        attributes = attributes_of(world, fact)
        # Relations whose values have more attributes come up more often, so that each inferred fact is as
        # frequent.
        if fact.person not in world.held_out["hop"] and rng.random() < len(attributes) / 3:
            attribute = rng.choice(attributes)
            phrase = rng.choice(world.relation(fact.relation).table.phrases)
            return hop_claim(world, fact, attribute, rng.choice(attribute.templates), phrase)
