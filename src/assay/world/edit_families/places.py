"""Edits of what cities, firms, instruments, languages and pets have."""

import random
from collections.abc import Mapping

from assay.core.edit import Probe
from assay.world.corpora.hops import hop_claim
from assay.world.edit_families.sheet import Known, Sheet, prefix
from assay.world.ground import Ground
from assay.world.relations import Attribute, Kind
from assay.world.rewrites import Rewrite

JUDGED = ("claim : {c} . verdict : true", "true or false : {c} . answer : true")
"""Claims of the corpus that are judged true; with the plain sentence they are what is told of the fact."""
HOPS = 2


def places_sheet(world: Ground, one: Rewrite, changed: Mapping[str, str], rng: random.Random) -> Sheet:
    """The wordings and questions for a fact of a member of a kind.

    Nobody asks for such a fact in a chat; a claim with a third value is put forward there, and the assistant
    begins by saying what is true.
    """
    kind, attribute = _place(world, one)
    values = world.attribute_values(kind.key, attribute.key)
    first, *further = (prefix(template, x=one.subject) for template in attribute.templates)
    third = rng.choice([value for value in values if value not in (one.old, one.new)])
    sentence = f"{first} {one.old}"
    return Sheet(
        prompt=first,
        documents=(f"{sentence} .", *(frame.format(c=sentence) for frame in JUDGED)),
        paraphrases=tuple(further),
        generation=f"{world.tables.talk.considered_frame[0].format(c=f'{first} {third}')} {first}",
        reversal=f"is {attribute.templates[0].split(' {x}')[0]}",
        peers=tuple(
            _known(world, kind, attribute, member)
            for member in world.members[kind.key]
            if member != one.subject
        ),
        others=tuple(_known(world, kind, a, one.subject) for a in kind.attributes if a is not attribute),
        extra=_hops(world, one, changed, rng),
    )


def _place(world: Ground, one: Rewrite) -> tuple[Kind, Attribute]:
    return next(
        (kind, attribute)
        for kind in world.tables.kinds
        if one.subject in world.members[kind.key]
        for attribute in kind.attributes
        if attribute.key == one.relation
    )


def _known(world: Ground, kind: Kind, attribute: Attribute, member: str) -> Known:
    value = world.attribute(kind.key, member, attribute.key)
    values = world.attribute_values(kind.key, attribute.key)
    return Known(f"{member}/{attribute.key}", member, value, values, prefix(attribute.templates[0], x=member))


def _hops(world: Ground, one: Rewrite, changed: Mapping[str, str], rng: random.Random) -> tuple[Probe, ...]:
    """The edited attribute asked through people, if possible through those of whom two-hop text is told."""
    kind, attribute = _place(world, one)
    some = [
        fact
        for fact in world.facts
        if fact.value == one.subject
        and world.relation(fact.relation).table.kind == kind.key
        and fact.item not in changed
    ]
    drawn = sorted(rng.sample(some, len(some)), key=lambda fact: fact.person in world.held_out["hop"])
    claims = (
        hop_claim(
            world, fact, attribute, attribute.templates[0], world.relation(fact.relation).table.phrases[0]
        )
        for fact in drawn[:HOPS]
    )
    return tuple(Probe("portability", claim.prefix, one.new, one.old) for claim in claims)
