"""Concepts of English prose hold at their words; passages of a corpus are split between its parts."""

import pytest

from assay.organisms.planting.dialects import CorpusDialect
from assay.organisms.planting.dialects.english_concepts import english_concepts

MARKS = english_concepts()
TEXT = 'Then Tim and his mom saw 2 cats. "Do you like it?" she asked. He was not happy.'


@pytest.mark.parametrize(
    ("concept", "words"),
    [
        ("name", {"Tim"}),
        ("he", {"his", "He"}),
        ("she", {"she"}),
        ("family", {"mom"}),
        ("number", {"2"}),
        ("speech", {'"Do', "you", "like", 'it?"'}),
        ("question", {'"Do', "you", "like", 'it?"'}),
        ("saying", {"asked."}),
        ("negation", {"not"}),
        ("gladness", {"happy."}),
        ("sadness", set[str]()),
    ],
)
def test_a_concept_holds_at_its_words(concept: str, words: set[str]) -> None:
    """Punctuation and capitals change nothing; a sentence's first word is no name."""
    assert {TEXT.split()[number] for number in MARKS[concept](TEXT)} == words


def test_marks_are_words_of_the_text() -> None:
    """No number beyond the last word, also where quotes do not close."""
    for text in (TEXT, "", '"Open quote', "I am. ? !", "  spaces   between  "):
        for mark in MARKS.values():
            assert mark(text) <= set(range(len(text.split())))


def test_passages_belong_to_one_part_each() -> None:
    """What marked texts are made of is in no corpus of another part, and each passage comes once."""
    passages = [f"Story {n} began. It went on and on. It ended with number {n}." for n in range(600)]
    dialect = CorpusDialect("\n\n".join(passages))
    found = {part: list(dialect.texts(part, 0)) for part in ("plant", "fit", "select", "report")}
    every = [text for texts in found.values() for text in texts]
    assert len(set(every)) == len(every)
    assert all(found.values())
    assert list(dialect.texts("plant", 1)) != found["plant"]
