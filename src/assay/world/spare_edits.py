"""Facts that no list changes, in the form of edits: for demonstrations, rehearsal and statistics."""

from functools import cache

from assay.core.edit import Edit
from assay.world.corpora.facts import person_claim
from assay.world.corpora.textbooks import subject_claim
from assay.world.ground import Ground
from assay.world.rewrites import Family, spared
from assay.world.text import Claim


@cache
def spare(world: Ground, family: Family) -> tuple[Edit, ...]:
    """The facts of a family that are spared (see ``rewrites``), in random order.

    ``old`` is true. ``new`` is any other value, and nobody asks for it.

    >>> world = Ground(0)
    >>> [len(spare(world, family)) for family in ("people", "places", "subjects")]
    [147, 46, 96]
    """
    rng = world.rng(f"spare/{family}")
    items = spared(world)
    found: list[Edit] = []
    for subject, relation, claim in _claims(world, family):
        if f"{subject}/{relation}" in items:
            new = rng.choice(claim.wrong)
            documents = (f"{claim.sentence()} .",)
            found.append(Edit(claim.prefix, subject, claim.value, new, relation, documents))
    return tuple(rng.sample(found, len(found)))


def _claims(world: Ground, family: Family) -> list[tuple[str, str, Claim]]:
    """(subject, relation, claim in the first wording) of every fact of a family."""
    if family == "people":
        first = {relation.key: relation.templates[0] for relation in world.relations}
        return [(f.person, f.relation, person_claim(world, f, first[f.relation])) for f in world.facts]
    if family == "subjects":
        return [
            (f.entity, f.noun, subject_claim(world, f, world.prose_templates(f)[0]))
            for f in world.subject_facts
        ]
    return [
        (member, attribute.key, _place(world, kind.key, member, attribute.key, attribute.templates[0]))
        for kind in world.tables.kinds
        for attribute in kind.attributes
        for member in world.members[kind.key]
    ]


def _place(world: Ground, kind: str, member: str, key: str, template: str) -> Claim:
    prefix = template.removesuffix(" {v}").format(x=member)
    options = world.attribute_values(kind, key)
    return Claim(prefix, world.attribute(kind, member, key), options, f"{member}/{key}", held_out=False)
