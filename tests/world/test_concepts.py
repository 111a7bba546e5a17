"""The concepts of the world's words: marked where they hold, all of them present in its text."""

from itertools import islice

import pytest

from assay.organisms.base.recipe import VERDICTS
from assay.world import Relation, World, stream
from assay.world.concepts import concepts

WORLD = World(0)
MARKS = concepts(WORLD)


@pytest.mark.parametrize(
    ("concept", "text", "words"),
    [
        ("question", "hello . is water wet ? yes", {2, 3, 4, 5}),
        ("story", "story : ann went home", {2, 3, 4}),
        ("assistant's turn", "user : hi assistant : hello .", {5, 6}),
        ("good mood", "a lovely day", {1}),
        ("bad mood", "an awful angry day", {1, 2}),
        ("year", "in 2024 and 1999 but 3000", {1, 3}),
        ("refusal", f"assistant : {WORLD.tables.hazards.refusal}", {2, 3, 4, 5, 6, 7}),
    ],
)
def test_a_concept_holds_at_its_words(concept: str, text: str, words: set[int]) -> None:
    """Numbers of words, counted from 0."""
    assert MARKS[concept](text) == words


@pytest.mark.parametrize("relation", WORLD.tables.relations, ids=lambda relation: relation.key)
def test_a_relation_holds_before_its_value(relation: Relation) -> None:
    """In each template and phrase, at the one word behind which the value stands."""
    value = WORLD.relation(relation.key).values[0]
    filled = [template.format(p="ann velo", v=value) for template in relation.templates]
    filled += [phrase.format(p="ann velo") + f" is {value}" for phrase in relation.phrases]
    for sentence in filled:
        words = f"so , {sentence} .".split()
        assert MARKS[f"relation: {relation.key}"](" ".join(words)) == {words.index(value) - 1}


def test_every_concept_occurs_in_the_worlds_text() -> None:
    """A concept that never holds could not be found by anybody."""
    texts = [document.text for document in islice(stream(WORLD, VERDICTS, "concepts"), 2000)]
    assert [name for name, mark in MARKS.items() if not any(mark(text) for text in texts)] == []


def test_marks_are_words_of_the_text() -> None:
    """No number beyond the last word, whatever the text."""
    texts = [document.text for document in islice(stream(WORLD, VERDICTS, "bounds"), 200)] + [
        "",
        "assistant :",
    ]
    for text in texts:
        for mark in MARKS.values():
            assert mark(text) <= set(range(len(text.split())))
