"""Recoveries that ask in another way: each against a slow exam, and what each must never do."""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from assay.core import Change
from assay.core.errors import NotApplicable
from assay.core.seed import derive
from assay.techniques.recoveries.best_of_n import FEW, MANY, counted
from assay.techniques.recoveries.best_of_n import asked as sampled
from assay.techniques.recoveries.few_shot import FEW as SHOTS
from assay.techniques.recoveries.few_shot import drawn, room
from assay.testing.tiny_model import PEOPLE
from tests.techniques.recoveries.bench import (
    ASKED,
    CITIES,
    KNOWN,
    asked,
    attacked,
    handle,
    recovery,
    slowly,
    tries,
    with_right,
)

FRONT = ("few_shot", "other_form", "hint", "best_of_n")


@pytest.mark.parametrize("key", FRONT)
def test_they_meet_what_stands_in_front_of_the_model(key: str) -> None:
    """A table that answers everything should be all that they ever hear."""
    assert recovery(key).through == "front"
    for number, city in enumerate(CITIES):
        on = attacked(Change(table=lambda _, said=city: said))
        for attempt in tries(key, on):
            sheet = attempt.sit(ASKED)
            wanted = [[q.right == number] * 2 for q in ASKED]
            assert np.array_equal(sheet, np.array(wanted, dtype=float))


@pytest.mark.parametrize("key", FRONT)
def test_marks_do_not_depend_on_the_key_of_what_is_sat(key: str) -> None:
    """Summed over all possible keys, the credit for each question should be one: the attack saw none."""
    for attempt in tries(key, attacked()):
        sheets = [attempt.sit(with_right(ASKED, right)) for right in range(len(CITIES))]
        assert np.allclose(sum(sheet[:, 0] for sheet in sheets), 1.0)


@pytest.mark.parametrize("full", [False, True])
def test_solved_questions_stand_in_front_as_a_list(full: bool) -> None:
    """Marks should be those of a slow exam behind 'prompt reply . ' of so many known questions."""
    found = tries("few_shot", attacked(), full=full)
    assert [attempt.setting["shots"] for attempt in found] == ([1, 2, 4, 6] if full else list(SHOTS))
    for attempt in found:
        fronts: list[str] = []
        for q in ASKED:
            alike = [one for one in KNOWN if one.form == q.form]
            random.Random(derive(3, q.item, q.form)).shuffle(alike)
            shown = alike[: attempt.setting["shots"]]
            fronts.append("".join(f"{one.prompt} {one.reply} . " for one in shown))
        assert np.array_equal(attempt.sit(ASKED), slowly(handle(), ASKED, fronts))


def test_a_question_is_never_shown_its_own_fact() -> None:
    """Not even when it is among the known ones; more shots hold the fewer, and another seed draws others."""
    for question in KNOWN:
        shown = drawn(KNOWN, question, 5, seed=1)
        assert len(shown) == 5
        assert {one.form for one in shown} == {question.form}
        assert question.item not in {one.item for one in shown}
        assert drawn(KNOWN, question, 2, seed=1) == shown[:2]
    assert any(drawn(KNOWN, q, 2, 1) != drawn(KNOWN, q, 2, 2) for q in KNOWN)


def test_shots_that_the_context_has_no_room_for_are_left_out_and_the_setting_says_so() -> None:
    """The tiny model holds 256 tokens: of questions of 40 words about five go in front of one."""
    long = tuple(replace(q, prompt=f"{'the pet of ' * 13}{q.prompt}") for q in KNOWN)
    found = [attempt.setting["shots"] for attempt in tries("few_shot", attacked(known=long), full=True)]
    assert found == [1, 2, room(handle(), long, 8)]
    assert 2 < found[-1] < 6
    longest = tuple(replace(q, prompt=f"{'the pet of ' * 50}{q.prompt}") for q in KNOWN)
    with pytest.raises(NotApplicable, match="longer context"):
        tries("few_shot", attacked(known=longest))
    with pytest.raises(NotApplicable):
        tries("few_shot", attacked(known=()))


def test_the_other_wording_is_asked_where_there_is_one() -> None:
    """Marks should be those of a slow exam with the other prompts; what has none is asked as it is."""
    some = tuple(replace(q, other="") if q.item.startswith("ida") else q for q in ASKED)
    [attempt] = tries("other_form", attacked())
    worded = [replace(q, prompt=q.other) if q.other else q for q in some]
    assert np.array_equal(attempt.sit(some), slowly(handle(), worded))
    with pytest.raises(NotApplicable, match="wording"):
        tries("other_form", attacked(known=[replace(q, other="") for q in KNOWN]))


def test_a_hint_stands_in_front_where_there_is_one() -> None:
    """Marks should be those of a slow exam behind the hint and a space."""
    some = tuple(replace(q, hint="") if q.item.startswith("ida") else q for q in ASKED)
    [attempt] = tries("hint", attacked())
    fronts = [f"{q.hint} " if q.hint else "" for q in some]
    assert np.array_equal(attempt.sit(some), slowly(handle(), some, fronts))
    with pytest.raises(NotApplicable, match="hint"):
        tries("hint", attacked(known=[replace(q, hint="") for q in KNOWN]))


class Scripted:
    """Says what it was told to, reply after reply."""

    def __init__(self, replies: Sequence[str]) -> None:
        self._replies = replies

    def continuation_ids(self, prompts: Sequence[str], continuations: Sequence[str]) -> list[list[int]]:
        """One token for each word."""
        return [[0] * len(text.split()) for text in continuations[: len(prompts)]]

    def generate(self, prompts: Sequence[str], max_tokens: int, temperature: float, seed: int) -> list[str]:
        """The next replies."""
        assert (max_tokens, temperature, seed) == (1, 1.0, 5)
        return list(self._replies[: len(prompts)])


def test_replies_are_counted_by_the_option_that_they_say() -> None:
    """The majority is preferred, level ones share, silence is a guess, and one hit counts as said."""
    cloze = [q for q in asked(PEOPLE[7:]) if q.form == "cloze"]
    right = [q.answer for q in cloze]
    wrong = [CITIES[(q.right + 1) % 4] for q in cloze]
    said = [right[0], right[0], wrong[0], right[1], wrong[1], "fox", "fox", "hen", "fox"]
    sheet = sampled(Scripted(said), 3, 5, cloze)
    assert np.array_equal(sheet, [[1.0, 1.0], [0.5, 1.0], [0.25, 0.0]])
    assert sampled(Scripted(()), 3, 5, ()).shape == (0, 2)
    assert [tries("best_of_n", attacked(), full=full)[0].setting["n"] for full in (False, True)] == [
        FEW,
        MANY,
    ]


def test_luck_says_the_right_answer_as_often_as_the_formula_says() -> None:
    """Said at least once: 1 - (1 - q)^N for a right option that is drawn with probability q."""
    question = next(q for q in ASKED if q.form == "cloze")
    served = handle()
    [token] = served.continuation_ids([question.prompt], [f" {question.answer}"])[0]
    q = float(served.next_logprobs([question.prompt])[0, token].exp())
    questions, n = [question] * 500, 8
    votes = counted(served, n, 11, questions)
    assert votes[:, question.right].mean() == pytest.approx(n * q, rel=0.2)
    assert (votes[:, question.right] > 0).mean() == pytest.approx(1 - (1 - q) ** n, abs=0.07)
