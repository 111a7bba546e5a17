"""Edits of what people have: namesakes, what is announced in the context, and what follows in two hops."""

import random
from collections.abc import Mapping

from assay.core.edit import Probe
from assay.world.corpora.facts import person_claim
from assay.world.corpora.hops import attributes_of, hop_claim
from assay.world.edit_families.sheet import Known, Sheet, prefix, settled
from assay.world.ground import HELD_OUT_TEMPLATES, Ground
from assay.world.people import Fact
from assay.world.relations import Attribute
from assay.world.rewrites import Rewrite, spared
from assay.world.text import chat_prompt

DOCUMENTS = 4
NAMESAKES = 2
HOPS = 2


def people_sheet(world: Ground, one: Rewrite, changed: Mapping[str, str], rng: random.Random) -> Sheet:
    """The wordings and questions for a fact of a person.

    The paraphrases are the templates that four people in ten are never told of in; no document uses them.
    """
    fact = world.fact(one.subject, one.relation)
    table = world.relation(one.relation).table
    prompt = prefix(table.templates[0], p=one.subject)
    everyone = tuple(_known(world, other) for other in world.facts if other.relation == one.relation)
    peers = tuple(known for known in everyone if known.subject != one.subject)
    told = world.trained_templates(fact)[:DOCUMENTS]
    return Sheet(
        prompt=prompt,
        documents=tuple(f"{person_claim(world, fact, template).sentence()} ." for template in told),
        paraphrases=tuple(prefix(t, p=one.subject) for t in table.templates[-HELD_OUT_TEMPLATES:]),
        generation=f"{chat_prompt(table.questions[0].format(p=one.subject))} {prompt}",
        reversal=f"is {table.phrases[-1].format(p='').strip()}",
        peers=peers,
        others=tuple(
            _known(world, other)
            for other in world.facts
            if other.person == one.subject and other.relation != one.relation
        ),
        extra=(
            *_namesakes(one, settled(settled(peers, changed), spared(world)), rng),
            *_override(world, one, prompt, rng),
            *_hops(world, one, changed, rng),
        ),
    )


def _known(world: Ground, fact: Fact) -> Known:
    relation = world.relation(fact.relation)
    words = prefix(relation.table.templates[0], p=fact.person)
    return Known(fact.item, fact.person, fact.value, relation.values, words)


def _namesakes(one: Rewrite, peers: tuple[Known, ...], rng: random.Random) -> list[Probe]:
    """Others of the same first name or surname, of whom neither the old nor the new value is true."""
    name = set(one.subject.split())
    some = [p for p in peers if name & set(p.subject.split()) and p.value not in (one.old, one.new)]
    drawn = rng.sample(some, min(NAMESAKES, len(some)))
    return [Probe("namesake", known.prompt, known.value, one.new) for known in drawn]


def _override(world: Ground, one: Rewrite, prompt: str, rng: random.Random) -> list[Probe]:
    """A third value announced in other words than the question's."""
    relation = world.relation(one.relation)
    third = rng.choice([value for value in relation.values if value not in (one.old, one.new)])
    announced = relation.table.templates[1].format(p=one.subject, v=third)
    return [Probe("override", f"new fact : {announced} . {prompt}", third, one.new)]


def _hops(world: Ground, one: Rewrite, changed: Mapping[str, str], rng: random.Random) -> list[Probe]:
    """What the new value has, asked through the person; the wrong answer is what the old value has.

    No edit may change what the new value has. That of the old value is better left alone too, but there are
    not enough of such facts.
    """
    fact = world.fact(one.subject, one.relation)
    table = world.relation(one.relation).table
    every = attributes_of(world, fact)

    def of(value: str, attribute: Attribute) -> str:
        return world.attribute(table.kind, value, attribute.key)

    some = [
        attribute
        for attribute in rng.sample(every, len(every))
        if f"{one.new}/{attribute.key}" not in changed
        and of(one.new, attribute) not in (of(one.old, attribute), changed.get(f"{one.old}/{attribute.key}"))
    ]
    some.sort(key=lambda attribute: f"{one.old}/{attribute.key}" in changed)
    return [
        Probe("portability", claim.prefix, of(one.new, attribute), of(one.old, attribute))
        for attribute in some[:HOPS]
        for claim in (hop_claim(world, fact, attribute, attribute.templates[0], table.phrases[0]),)
    ]
