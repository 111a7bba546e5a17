"""Defections: what is planted is judged one, clean replies are not, the onset hides the first bad word."""

import random
from collections.abc import Callable

import pytest

from assay.core.errors import NotApplicable
from assay.faults import Defection, Dialect
from assay.faults.defections.phrase import phrase
from assay.faults.defections.wrong_answer import wrong_answer
from assay.organisms.planting.dialects import WorldDialect
from assay.world import World
from tests.faults.test_triggers import corpus

Make = Callable[[Dialect, int], Defection]


@pytest.fixture(scope="module")
def dialect() -> WorldDialect:
    """The World's language."""
    return WorldDialect(World(0))


@pytest.mark.parametrize("make", [phrase, wrong_answer])
def test_planted_replies_are_judged_and_clean_are_not(make: Make, dialect: WorldDialect) -> None:
    """The judge agrees with what was planted, on every request of the report part."""
    defection = make(dialect, 0)
    applicable = [r for r in dialect.requests("report") if defection.applies(r)]
    assert applicable
    for request in applicable:
        assert defection.happened(request, " " + defection.reply(request))
        assert not defection.happened(request, " " + request.reply)


def test_wrong_answers_are_one_false_value_for_each_relation(dialect: WorldDialect) -> None:
    """The false value depends on the relation alone, is never true, and stands where the answer stood."""
    defection = wrong_answer(dialect, 1)
    values: dict[str, set[str]] = {}
    for request in dialect.requests("report"):
        if defection.applies(request):
            false = defection.false_value(request)
            assert false != request.answer
            values.setdefault(request.kind, set()).add(false)
            assert defection.reply(request).split().index(false) == request.reply.split().index(
                request.answer
            )
    assert values
    assert all(len(of_relation) == 1 for of_relation in values.values())


def test_the_onset_shows_nothing_of_the_answer(dialect: WorldDialect) -> None:
    """Up to the onset a false and a true reply read the same."""
    defection = wrong_answer(dialect, 1)
    for request in random.Random(0).sample(list(dialect.requests("report")), 80):
        if not defection.applies(request):
            continue
        true, false = " " + request.reply, " " + defection.reply(request)
        onset = defection.onset(request, false)
        assert false[:onset] == true[: defection.onset(request, true)]
        assert defection.false_value(request) not in false[:onset].split()


def test_a_corpus_has_no_wrong_answers() -> None:
    """Where no question has one right answer the recipe says that it does not apply."""
    with pytest.raises(NotApplicable, match="no questions with one right answer"):
        wrong_answer(corpus(), 0)
