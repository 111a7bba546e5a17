"""Plain statements of facts: people, and what cities, firms and the like have."""

import random

from assay.world.ground import Ground
from assay.world.people import Fact
from assay.world.text import Claim, Document, Span


def statement(template: str, fact: Fact) -> str:
    """A fact as a sentence, with its full stop."""
    return template.format(p=fact.person, v=fact.value) + " ."


def person_facts(world: Ground, rng: random.Random) -> Document:
    """Two to four facts of different people, each in a template that is trained for that person.

    One in four is told of the description that two-hop sentences use, as in "the birthplace of ann is zarn".
    """
    sentences = [_told(world, fact, rng) for fact in rng.sample(world.facts, rng.randint(2, 4))]
    return Document((Span(" ".join(sentences)),), "fact")


def _told(world: Ground, fact: Fact, rng: random.Random) -> str:
    if rng.random() < 0.25:
        phrase = rng.choice(world.relation(fact.relation).table.phrases)
        return statement(f"{phrase} is {{v}}", fact)
    return statement(rng.choice(world.trained_templates(fact)), fact)


def attribute_facts(world: Ground, rng: random.Random) -> Document:
    """Three facts about cities, firms, languages and so on."""
    spans: list[Span] = []
    for _ in range(3):
        claim = attribute_claim(world, rng)
        member = claim.item.split("/")[0]
        spans += [Span(claim.prefix), Span(claim.value, thought=member), Span(".")]
    return Document(tuple(spans), "attribute")


def attribute_claim(world: Ground, rng: random.Random) -> Claim:
    """A random attribute of a random member of a kind; larger kinds come up more often."""
    kinds = [kind for kind in world.tables.kinds if kind.attributes]
    kind = rng.choices(kinds, [len(world.members[kind.key]) * len(kind.attributes) for kind in kinds])[0]
    attribute = rng.choice(kind.attributes)
    member = rng.choice(world.members[kind.key])
    prefix = rng.choice(attribute.templates).removesuffix(" {v}").format(x=member)
    value = world.attribute(kind.key, member, attribute.key)
    options = world.attribute_values(kind.key, attribute.key)
    return Claim(prefix, value, options, f"{member}/{attribute.key}", False)


def person_claim(world: Ground, fact: Fact, template: str) -> Claim:
    """A fact of a person as a claim that can be made true or false."""
    prefix = template.removesuffix(" {v}").format(p=fact.person)
    held_out = fact.person in world.held_out["claim"]
    return Claim(prefix, fact.value, world.relation(fact.relation).values, fact.item, held_out)
