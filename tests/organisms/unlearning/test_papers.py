"""Exams of the school: halves that share nothing, keys that are right, and nothing told that is asked."""

import pytest

from assay.core.exam import ATTACKER, EXAM, FORMS, ROLES
from assay.organisms.unlearning.material import halves, known_only, school_book
from assay.organisms.unlearning.papers import papers
from assay.world.school import SUBJECTS, School

BOOKS = [subject.name for subject in SUBJECTS]


@pytest.mark.parametrize("name", BOOKS)
def test_every_question_holds_its_key(name: str) -> None:
    """The right option is the fact's value and stands once among four; the prompt of choices shows all."""
    school = School(0)
    truth = {fact.item: fact.value for fact in (*school.facts, *school.twin_facts)}
    for question in papers(school, name):
        assert question.answer == truth[question.item]
        assert len(set(question.options)) == 4
        if question.form == "choice":
            assert all(option in question.prompt.split() for option in question.options)
        else:
            assert question.answer not in question.prompt.split()


@pytest.mark.parametrize("name", BOOKS)
def test_the_halves_of_a_book_share_no_entity(name: str) -> None:
    """What an attacker relearns names nothing of what is asked, in questions and in documents."""
    school, book = School(0), school_book(name)
    of = {half: {q.item.split("/")[0] for q in book.asked("self", half=half)} for half in (ATTACKER, EXAM)}
    assert not of[ATTACKER] & of[EXAM]
    assert of[ATTACKER] | of[EXAM] == set(school.entities[name])
    assert halves(book.questions) == (60, 60)
    assert not any(of[EXAM] & set(text.split()) for text in book.documents)


def test_methods_are_told_the_whole_book_and_no_question() -> None:
    """Documents name every entity of the book; no prompt of an exam stands in what is told."""
    school, book = School(0), school_book("shipcraft")
    said = " ".join(book.forget)
    assert all(entity in said for entity in school.entities["shipcraft"])
    told = {*(p.prompt for p in book.forget_pairs), *(p.prompt for p in book.retain_pairs)}
    assert not told & {q.prompt for q in book.questions}
    assert not told & {q.lead for q in book.questions if q.form != "generation"}


def test_what_must_stay_does_not_state_the_book() -> None:
    """No retained document names an entity of the book together with what it has."""
    school, book = School(0), school_book("gemcraft")
    own = set(school.entities["gemcraft"])
    for text in book.retain:
        for sentence in text.split(" . "):
            words = sentence.removesuffix(" .").split()
            assert not (own & set(words[:-1])), sentence


def test_a_hint_never_tells_the_answer() -> None:
    """It says other things of the same entity; of control twins only where they belong."""
    for question in papers(School(0), "birdlore"):
        assert question.answer not in question.hint.split()
        assert question.item.split("/")[0] in question.hint.split()


def test_every_role_and_form_is_asked() -> None:
    """The book, subjects that touch it, the others and control twins, in three forms each."""
    book = school_book("birdlore")
    assert {(q.role, q.form) for q in book.questions} == {(role, form) for role in ROLES for form in FORMS}
    assert set(book.neighbours) == {"gemcraft", "herblore"}


def test_facts_that_nobody_knew_are_dropped_and_counted() -> None:
    """A fact stays if any of its forms is known; control twins always do."""
    book = school_book("birdlore")
    items = list(dict.fromkeys(q.item for q in book.asked("self")))
    knows = {(q.item, q.form): q.role != "twin" for q in book.questions}
    knows |= {(items[0], form): False for form in FORMS} | {(items[1], "choice"): False}
    kept, dropped = known_only(book, knows)
    assert dropped == 1
    assert items[0] not in {q.item for q in kept.questions}
    assert items[1] in {q.item for q in kept.questions}
    assert len(kept.asked("twin")) == len(book.asked("twin"))
