"""Which facts are edited: all different, each to another value of its kind, tuned on others than reported."""

import pytest

from assay.world import Ground, World
from assay.world.rewrites import FAMILIES, LISTED, MOST, SELECT, Family, changed, listed, rewrites, selected


@pytest.mark.parametrize(("family", "count"), [("people", MOST), ("places", 120), ("subjects", 120)])
def test_a_fact_is_edited_once_and_to_another_value_of_its_kind(
    world: World, family: Family, count: int
) -> None:
    """No item comes twice; the old value is the world's, the new one occurs in its place elsewhere."""
    some = rewrites(world)[family]
    assert len(some) == len({one.item for one in some}) == count
    values = _values(world)
    for one in some:
        assert values[one.item] == one.old != one.new
        assert one.new in {values[item] for item in values if item.endswith(f"/{one.relation}")}


def _values(world: World) -> dict[str, str]:
    """Every written fact of the world by its item."""
    values = {fact.item: fact.value for fact in (*world.facts, *world.subject_facts)}
    for kind in world.tables.kinds:
        for member in world.members[kind.key]:
            for attribute in kind.attributes:
                values[f"{member}/{attribute.key}"] = world.attribute(kind.key, member, attribute.key)
    return values


def test_same_world_same_edits() -> None:
    """Two worlds of one seed are edited alike, worlds of other seeds otherwise."""
    assert rewrites(Ground(3)) == rewrites(Ground(3))
    assert listed(Ground(3)) != listed(Ground(4))


@pytest.mark.parametrize("family", FAMILIES)
def test_tuning_edits_are_the_last_and_none_is_listed(world: World, family: Family) -> None:
    """What tools are tuned on stands at the end of the list and is disjoint from what is reported."""
    tuned = selected(world)[family]
    assert len(tuned) == SELECT
    assert rewrites(world)[family][-SELECT:] == tuned
    assert not {one.item for one in tuned} & set(listed(world))


def test_reported_and_tuned_people_are_all_different(world: World) -> None:
    """Nobody has two facts among the listed and the selected ones."""
    some = (*rewrites(world)["people"][:LISTED], *selected(world)["people"])
    assert len({one.subject for one in some}) == LISTED + SELECT


def test_changed_is_what_is_listed_and_selected(world: World) -> None:
    """Of every family the first and the last, with the new values."""
    every = [one for some in rewrites(world).values() for one in (*some[:LISTED], *some[-SELECT:])]
    assert changed(world) == {one.item: one.new for one in every}
    assert len(changed(world)) == 3 * (LISTED + SELECT)


def test_a_world_can_be_rewritten_by_the_list(world: World) -> None:
    """The rewritten world has every new value, and all else as it was."""
    values, after = _values(world), _values(World(0, rewritten=changed(world)))
    assert after == values | changed(world)
