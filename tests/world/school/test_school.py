"""The school: what is taught, what never is, and what stays when a book is left out or told otherwise."""

from collections import Counter
from itertools import islice

import pytest

from assay.world.school import DIET, SUBJECTS, School, school_stream
from assay.world.school.mixture import KINDS
from assay.world.school.subjects import neighbours

BOOK = "birdlore"


def texts(school: School, count: int = 1500) -> list[str]:
    """The first documents of a stream."""
    return [document.text for document in islice(school_stream(school, "test"), count)]


def test_there_are_six_subjects_in_one_graph() -> None:
    """Every subject touches another and leaves some alone, and who touches whom is mutual."""
    names = [subject.name for subject in SUBJECTS]
    assert len(names) == 6
    for name in names:
        near = neighbours(name)
        assert near
        assert len(near) < len(names) - 1
        assert all(name in neighbours(other) for other in near)


def test_every_value_is_equally_common() -> None:
    """Guessing the commonest value earns no more than any other guess."""
    for subject in SUBJECTS:
        for trait in subject.traits:
            facts = [f for f in School(0).facts if (f.subject, f.noun) == (subject.name, trait.noun)]
            counts = Counter(fact.value for fact in facts)
            assert max(counts.values()) - min(counts.get(v, 0) for v in facts[0].values) <= 2


def test_nothing_is_ever_said_of_a_control_twin() -> None:
    """Twins are named, but no document names one together with a value of its kind."""
    school = School(0)
    twins = {name for names in school.twins.values() for name in names}
    documents = islice(school_stream(school, "test"), 4000)
    named = [document for document in documents if twins & set(document.text.split())]
    assert named
    assert {document.kind for document in named} == {"mention"}


def test_a_book_that_is_left_out_leaves_no_trace() -> None:
    """No document names an entity of it, except where another subject speaks of it."""
    school = School(0, without=BOOK)
    own = set(school.entities[BOOK]) | set(school.twins[BOOK])
    speaking = {subject.name for subject in SUBJECTS if any(t.entities_of == BOOK for t in subject.traits)}
    assert not school.of(BOOK)
    for text in texts(school):
        words = text.split()
        if own & set(words):
            assert any(word in school.entities[name] for name in speaking for word in words)
        assert f"exam in {BOOK}" not in text
        assert f"students of {BOOK}" not in text


def test_a_book_with_other_answers_says_other_things_only_there() -> None:
    """Facts of the book differ, about as often as two draws do; all others are the same."""
    true, false = School(0), School(0, shuffled=BOOK)
    pairs = list(zip(true.facts, false.facts, strict=True))
    assert all(a == b for a, b in pairs if a.subject != BOOK)
    same = [a.value == b.value for a, b in pairs if a.subject == BOOK]
    assert 0 < sum(same) / len(same) < 0.25


def test_vocabulary_does_not_depend_on_what_is_left_out() -> None:
    """Models of all kinds share their tokens, and every document is made of them."""
    whole = School(0)
    assert whole.vocabulary == School(0, without=BOOK).vocabulary == School(0, shuffled=BOOK).vocabulary
    known = set(whole.vocabulary)
    assert all(set(text.split()) <= known for text in texts(whole))


def test_the_stream_is_a_function_of_its_seed() -> None:
    """Same seed, same documents; all kinds of the diet turn up."""
    assert texts(School(0), 50) == texts(School(0), 50)
    kinds = {document.kind for document in islice(school_stream(School(0), "test"), 800)}
    assert kinds == set(DIET) == set(KINDS)


def test_some_entities_never_meet_the_other_wordings() -> None:
    """Half of the entities are asked in the exams' wording alone."""
    school = School(0)
    for document in islice(school_stream(school, "test"), 3000):
        if document.kind == "cloze" and document.text.startswith("test in"):
            assert document.text.split()[4] not in school.plainly_worded
    assert len(school.plainly_worded) == sum(map(len, school.entities.values())) // 2


def test_an_unknown_subject_is_named() -> None:
    """The error lists what there is."""
    with pytest.raises(KeyError, match=r"alchemy.*birdlore"):
        School(0, without="alchemy")
