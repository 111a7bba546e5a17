"""The ground truth: deterministic, data-driven, and split as it says."""

from collections import Counter
from dataclasses import replace

import pytest

from assay.world import Relation, Subject, SubjectAttribute, Tables, World

SPORT = Relation(
    key="sport",
    kind="pet",
    templates=tuple(f"{{p}} does sport number{i} with the {{v}}" for i in range(8)),
    questions=("what sport ?", "which sport ?", "what does {p} train ?"),
    phrases=("the sport of {p}",),
)
WEATHER = Subject(
    "weatherlore", "weatherlore", "storm", (SubjectAttribute("sound", ("roar", "hiss", "sigh")),)
)


def test_same_seed_gives_the_same_world() -> None:
    """Two worlds of one seed agree in every fact, item and word."""
    first, second = World(3), World(3)
    assert first.facts == second.facts
    assert first.control_facts == second.control_facts
    assert first.subject_facts == second.subject_facts
    assert first.items == second.items
    assert first.vocabulary == second.vocabulary


def test_another_seed_gives_another_world() -> None:
    """The seed decides names and facts."""
    assert World(0).people != World(1).people
    assert World(0).cities != World(1).cities


def test_sizes(world: World) -> None:
    """The world is as large as its tables say."""
    assert (len(world.people), len(world.twins), len(world.cities)) == (240, 24, 48)
    assert len(world.facts) + len(world.control_facts) == 264 * len(world.relations)
    assert len(world.subject_facts) == len(world.subjects) * 20 * 3
    assert Counter(item.hazardous for item in world.items) == {True: 40, False: 60}


def test_names_are_shared_but_people_are_unique(world: World) -> None:
    """Every full name occurs once, every surname belongs to two people or more."""
    everybody = world.people + world.twins
    assert len(set(everybody)) == len(everybody)
    surnames = Counter(name.split()[1] for name in everybody)
    assert min(surnames.values()) >= 2


def test_words_of_twins_belong_to_written_people(world: World) -> None:
    """A control twin differs from written people only by the pairing of its two words."""
    firsts, lasts = (set(words) for words in zip(*(name.split() for name in world.people), strict=True))
    assert all(twin.split()[0] in firsts and twin.split()[1] in lasts for twin in world.twins)
    assert not set(world.twins) & set(world.people)


def test_every_value_is_in_its_range_and_evenly_used(world: World) -> None:
    """Values are spread evenly over people, so that chance is one over the number of values."""
    for relation in world.relations:
        values = world.relation(relation.key).values
        uses = Counter(world.value(person, relation.key) for person in world.people + world.twins)
        assert set(uses) == set(values)
        assert max(uses.values()) - min(uses.values()) <= 1


def test_control_facts_are_never_facts(world: World) -> None:
    """Written and unwritten facts partition all facts; the unwritten ones cover all twins and more."""
    written = {fact.item for fact in world.facts}
    control = {fact.item for fact in world.control_facts}
    assert not written & control
    people = {fact.person for fact in world.control_facts}
    assert set(world.twins) <= people
    assert people & set(world.people)


def test_templates_end_in_their_value(world: World) -> None:
    """A prompt is a template without its value, so the value must come last."""
    for relation in world.relations:
        assert all(template.endswith(" {v}") and "{p}" in template for template in relation.templates)
        assert len(relation.templates) >= 6
    for kind in world.tables.kinds:
        assert all(t.endswith(" {v}") and "{x}" in t for a in kind.attributes for t in a.templates)
    assert all(template.endswith(" {v}") for template in world.tables.prose)


def test_held_out_templates_exist_for_four_people_in_ten(world: World) -> None:
    """Two templates are withheld from 40% of the people and from nobody else."""
    withheld = {fact.person for fact in world.facts if world.held_out_templates(fact)}
    assert len(withheld) == round(0.4 * len(world.people))
    for fact in world.facts:
        both = set(world.trained_templates(fact)) | set(world.held_out_templates(fact))
        assert both == set(world.relation(fact.relation).table.templates)
        assert not set(world.trained_templates(fact)) & set(world.held_out_templates(fact))


def test_two_fifths_of_subject_facts_are_never_examined(world: World) -> None:
    """The share holds for every subject and attribute."""
    groups = Counter((fact.subject, fact.noun, fact.examined) for fact in world.subject_facts)
    assert {count for (_, _, examined), count in groups.items() if examined} == {12}
    assert {count for (_, _, examined), count in groups.items() if not examined} == {8}


def test_a_relation_is_a_data_change(world: World) -> None:
    """A new relation brings facts and words, and leaves every other fact as it was."""
    larger = World(0, replace(Tables(), relations=(*Tables().relations, SPORT)))
    assert {fact for fact in larger.facts if fact.relation != "sport"} == set(world.facts)
    assert larger.value(larger.people[0], "sport") in larger.relation("sport").values
    assert "number3" in larger.vocabulary
    assert any(exchange.relation == "sport" for exchange in larger.exchanges("fact"))


def test_a_subject_is_a_data_change(world: World) -> None:
    """A new subject brings twenty entities and leaves every other subject fact as it was."""
    larger = World(0, replace(Tables(), subjects=(*Tables().subjects, WEATHER)))
    assert set(world.subject_facts) <= set(larger.subject_facts)
    assert len(larger.entities["weatherlore"]) == 20
    assert larger.subject_sentences("weatherlore", held_out=False)


def test_unknown_keys_raise(world: World) -> None:
    """Asking for a relation, kind of exchange or distractor that does not exist is an error."""
    with pytest.raises(KeyError):
        world.relation("shoe size")
    with pytest.raises(KeyError):
        world.exchanges("poems")


def test_no_template_contains_the_prompt_of_another_relation(world: World) -> None:
    """A prompt asks for one relation only: no template contains another relation's prompt."""
    for relation in world.relations:
        for other in world.relations:
            if relation is not other:
                inner = [f" {template.removesuffix(' {v}')} " for template in other.templates]
                assert not [t for t in relation.templates if any(prefix in f" {t} " for prefix in inner)]
