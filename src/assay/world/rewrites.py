"""Facts that are to be changed: which, and to what; decided before any tool is seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from assay.world.ground import Ground

Family = Literal["people", "places", "subjects"]
FAMILIES: tuple[Family, ...] = ("people", "places", "subjects")
LISTED = 100
"""Facts of each family in the list that a whole world is rewritten by."""
SELECT = 20
"""Further facts of each family, by which tools are tuned."""
MOST = 1000
"""Facts of people in the longest list."""


SPARED = 0.4
"""Share of the facts in no list that methods are told of."""


@dataclass(frozen=True)
class Rewrite:
    """One fact, as it is and as it is to be."""

    family: Family
    subject: str
    """The thing that the fact is about: a person, a member of a kind, or an entity of a textbook."""
    relation: str
    old: str
    new: str

    @property
    def item(self) -> str:
        """The name under which ``Ground`` takes it."""
        return f"{self.subject}/{self.relation}"


@cache
def rewrites(world: Ground) -> dict[Family, tuple[Rewrite, ...]]:
    """The facts to be changed, family by family, in the order in which they are taken.

    ``LISTED`` of each family and ``SELECT`` for tuning at the end; of people further ones between, ``MOST``
    in all. The people of the first ``LISTED`` and of the last ``SELECT`` are all different, so that what else
    is known of each can be asked. A new value is any other of its kind.

    >>> world = Ground(0)
    >>> {family: len(some) for family, some in rewrites(world).items()}
    {'people': 1000, 'places': 120, 'subjects': 120}
    """
    return {
        "people": _people(world, _told(world)),
        "places": _drawn(world, "places", _places(world))[: LISTED + SELECT],
        "subjects": _drawn(world, "subjects", _subjects(world))[: LISTED + SELECT],
    }


def listed(world: Ground) -> dict[str, str]:
    """Item -> new value, for the first ``LISTED`` of every family: what ``Ground(rewritten=...)`` takes."""
    return {one.item: one.new for some in rewrites(world).values() for one in some[:LISTED]}


def selected(world: Ground) -> dict[Family, tuple[Rewrite, ...]]:
    """The last ``SELECT`` of every family, by which tools are tuned; none of them is among the listed.

    >>> {family: len(some) for family, some in selected(Ground(0)).items()}
    {'people': 20, 'places': 20, 'subjects': 20}
    """
    return {family: some[LISTED:][-SELECT:] for family, some in rewrites(world).items()}


def changed(world: Ground) -> dict[str, str]:
    """Item -> new value, for all that is listed or selected: what no question may take for granted."""
    tuned = {one.item: one.new for some in selected(world).values() for one in some}
    return listed(world) | tuned


@cache
def spared(world: Ground) -> frozenset[str]:
    """Items of facts that no list changes and no question asks for: methods may be told of these.

    >>> len(spared(Ground(0)))
    289
    """
    entries = {"people": _told(world), "places": _places(world), "subjects": _subjects(world)}
    found: set[str] = set()
    for family, listed_ones in rewrites(world).items():
        taken = {one.item for one in listed_ones}
        free = [item for s, r, *_ in entries[family] if (item := f"{s}/{r}") not in taken]
        found |= set(world.rng(f"spared/{family}").sample(free, round(SPARED * len(free))))
    return frozenset(found)


_Entry = tuple[str, str, str, tuple[str, ...]]
"""(subject, relation, value, all values there are)."""


def _told(world: Ground) -> list[_Entry]:
    return [(f.person, f.relation, f.value, world.relation(f.relation).values) for f in world.facts]


def _people(world: Ground, entries: list[_Entry]) -> tuple[Rewrite, ...]:
    drawn = _drawn(world, "people", entries)
    head = list(_one_each(drawn, set()).values())[:LISTED]
    tail = [one for one in drawn if one not in head][: MOST - len(head)]
    # the latest of those whose people are not in the head, so that the order of the others stays as drawn
    last = list(_one_each(tail[::-1], {one.subject for one in head}).values())[:SELECT]
    return (*head, *(one for one in tail if one not in last), *last)


def _one_each(some: Iterable[Rewrite], without: set[str]) -> dict[str, Rewrite]:
    """The first rewrite of every subject."""
    first: dict[str, Rewrite] = {}
    for one in some:
        if one.subject not in without:
            first.setdefault(one.subject, one)
    return first


def _drawn(world: Ground, family: Family, entries: Iterable[_Entry]) -> tuple[Rewrite, ...]:
    """Everything in a family in random order, each with a new value."""
    rng = world.rng(f"rewrites/{family}")
    every = list(entries)
    return tuple(
        Rewrite(family, subject, relation, old, rng.choice([value for value in values if value != old]))
        for subject, relation, old, values in rng.sample(every, len(every))
    )


def _places(world: Ground) -> list[_Entry]:
    return [
        (member, attribute.key, world.attribute(kind.key, member, attribute.key), values)
        for kind in world.tables.kinds
        for attribute in kind.attributes
        for values in (world.attribute_values(kind.key, attribute.key),)
        for member in world.members[kind.key]
    ]


def _subjects(world: Ground) -> list[_Entry]:
    values = {(s.key, a.noun): a.values for s in world.subjects for a in s.attributes}
    return [(f.entity, f.noun, f.value, values[f.subject, f.noun]) for f in world.subject_facts]
