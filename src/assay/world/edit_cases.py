"""The edits of a world with what is asked after each: from its tables, and checked against all its edits."""

import random
from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

from assay.core.edit import Edit, EditCase, Probe
from assay.world.edit_families.people import people_sheet
from assay.world.edit_families.places import places_sheet
from assay.world.edit_families.sheet import Known, Sheet, settled
from assay.world.edit_families.subjects import subjects_sheet
from assay.world.ground import Ground
from assay.world.rewrites import LISTED, Family, Rewrite, changed, rewrites, selected, spared

NEIGHBOURS = 4
OTHERS = 3

_SHEETS: dict[Family, Callable[[Ground, Rewrite, Mapping[str, str], random.Random], Sheet]] = {
    "people": people_sheet,
    "places": places_sheet,
    "subjects": subjects_sheet,
}


@cache
def edit_cases(world: Ground, family: Family) -> tuple[EditCase, ...]:
    """The listed edits of a family (to report), then the selected ones, each with its questions.

    Every prompt ends before the word that answers it. What an edit must leave alone is asked of facts that
    no listed or selected edit changes, in any family, so that the questions also hold where all are made at
    once. Where it can be, the fact is not in the longest list either. The world must not be a rewritten one.

    >>> case = edit_cases(Ground(0), "people")[0]
    >>> case.split, case.probes[0].prompt == case.edit.prompt, case.probes[0].right == case.edit.new
    ('report', True, True)
    """
    report = tuple(_case(world, one, "report") for one in rewrites(world)[family][:LISTED])
    return report + tuple(_case(world, one, "select") for one in selected(world)[family])


@cache
def long_list(world: Ground) -> tuple[Edit, ...]:
    """The longest list of edits, all of people, without questions; it begins with the listed ones.

    >>> len(long_list(Ground(0)))
    1000
    """
    return tuple(_edit(one, _sheet(world, one)) for one in rewrites(world)["people"])


def _sheet(world: Ground, one: Rewrite) -> Sheet:
    return _SHEETS[one.family](world, one, changed(world), world.rng(f"edit cases/{one.item}"))


def _edit(one: Rewrite, sheet: Sheet) -> Edit:
    return Edit(sheet.prompt, one.subject, one.old, one.new, one.relation, sheet.documents)


def _case(world: Ground, one: Rewrite, split: Literal["select", "report"]) -> EditCase:
    sheet = _sheet(world, one)
    rng = world.rng(f"edit cases/{one.item}/around")
    told = tuple(Probe("paraphrase", prompt, one.new, one.old) for prompt in sheet.paraphrases)
    probes = (
        Probe("efficacy", sheet.prompt, one.new, one.old),
        *told,
        Probe("generation", sheet.generation, one.new, one.old),
        *_neighbours(world, one, sheet, rng),
        *_others(world, sheet, rng),
        *sheet.extra,
        _reversal(world, one, sheet, rng),
    )
    return EditCase(_edit(one, sheet), probes, split)


def _neighbours(world: Ground, one: Rewrite, sheet: Sheet, rng: random.Random) -> list[Probe]:
    """Other subjects of which the old value is true; where there are none, any without the new value."""
    asked = {probe.prompt for probe in sheet.extra}
    peers = _shuffled(world, _free(world, sheet.peers), rng)
    free = [known for known in peers if known.prompt not in asked and known.value != one.new]
    near = [known for known in free if known.value == one.old] or free
    return [Probe("neighbourhood", known.prompt, known.value, one.new) for known in near[:NEIGHBOURS]]


def _others(world: Ground, sheet: Sheet, rng: random.Random) -> list[Probe]:
    """Other relations of the subject, each with another value of its kind as the wrong answer."""
    others = _shuffled(world, _free(world, sheet.others), rng)
    return [
        Probe(
            "same_subject",
            known.prompt,
            known.value,
            rng.choice([v for v in known.values if v != known.value]),
        )
        for known in others[:OTHERS]
    ]


def _reversal(world: Ground, one: Rewrite, sheet: Sheet, rng: random.Random) -> Probe:
    """From the new value to the first word of the subject; no subject of the wrong word has the new value."""
    to = changed(world)
    having = {k.subject for k in sheet.peers if one.new in (k.value, to.get(k.item))} | {one.subject}
    right = {name.split()[0] for name in having}
    wrong = rng.choice([word for k in sheet.peers if (word := k.subject.split()[0]) not in right])
    return Probe("reversal", f"{one.new} {sheet.reversal}", one.subject.split()[0], wrong)


def _free(world: Ground, known: tuple[Known, ...]) -> tuple[Known, ...]:
    """The facts that no edit changes and that methods are not told, so that nobody rehearses a question."""
    return settled(settled(known, changed(world)), spared(world))


def _shuffled(world: Ground, known: tuple[Known, ...], rng: random.Random) -> list[Known]:
    """In random order, what the longest list changes behind all others."""
    return sorted(rng.sample(known, len(known)), key=lambda one: one.item in _longest(world))


@cache
def _longest(world: Ground) -> frozenset[str]:
    return frozenset(one.item for one in rewrites(world)["people"])
