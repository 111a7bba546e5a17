"""Recoveries that train on known questions and ask others: what they meet, and what they must never see."""

from typing import Any

import numpy as np
import pytest

from assay.core import Change
from assay.core.errors import NotApplicable
from assay.core.seed import derive
from assay.techniques.attacks.gcg import Search, search
from assay.techniques.recoveries import gcg_prompt, latent_attack, soft_prompt
from tests.techniques.recoveries.bench import (
    ASKED,
    CITIES,
    KNOWN,
    attacked,
    handle,
    recovery,
    slowly,
    tries,
    with_right,
)

TRAINED = ("gcg_prompt", "soft_prompt", "latent_attack")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps tell as much as many about what is asked with what."""
    monkeypatch.setattr(gcg_prompt, "COARSE", {"steps": 2, "candidates": 6, "batch": 2})
    monkeypatch.setattr(gcg_prompt, "FULL", {"steps": 3, "candidates": 6, "batch": 2})
    for module in (soft_prompt, latent_attack):
        monkeypatch.setattr(module, "COARSE", 3)
        monkeypatch.setattr(module, "FULL", 4)


@pytest.mark.parametrize("key", TRAINED)
@pytest.mark.parametrize("full", [False, True])
def test_marks_do_not_depend_on_the_key_of_what_is_sat(key: str, full: bool) -> None:
    """Summed over all possible keys, the credit for each question should be one: the attack saw none."""
    for attempt in tries(key, attacked(), full=full):
        sheets = [attempt.sit(with_right(ASKED, right)) for right in range(len(CITIES))]
        assert np.allclose(sum(sheet[:, 0] for sheet in sheets), 1.0)


@pytest.mark.parametrize("key", TRAINED)
def test_they_learn_from_the_keys_of_known_questions(key: str) -> None:
    """Other keys should give another attack, the same ones the same."""
    one, again, other = (
        [(dict(a.setting), a.sit(KNOWN[:6]).tolist()) for a in tries(key, attacked(known=known))]
        for known in (KNOWN, KNOWN, with_right(KNOWN, 3))
    )
    assert one == again
    assert one != other


@pytest.mark.parametrize("key", TRAINED)
def test_nothing_solved_is_no_attack(key: str) -> None:
    """Without a known question there should be a reason."""
    with pytest.raises(NotApplicable, match="attacker's half"):
        tries(key, attacked(known=()))


@pytest.mark.parametrize("key", TRAINED)
def test_only_a_text_meets_a_table(key: str) -> None:
    """A table that answers everything is met by what goes through the front, and by nothing else."""
    tabled = [attempt.sit(ASKED) for attempt in tries(key, attacked(Change(table=lambda _: CITIES[0])))]
    wanted = [np.array([[q.right == 0] * 2 for q in ASKED], dtype=float)] * len(tabled)
    if recovery(key).through == "weights":
        wanted = [attempt.sit(ASKED) for attempt in tries(key, attacked())]
    assert all(np.array_equal(one, other) for one, other in zip(tabled, wanted, strict=True))


def test_the_text_stands_in_front_of_every_question() -> None:
    """Marks should be those of a slow exam behind the text that the search finds."""
    pairs = [gcg_prompt.Told(q.prompt, q.reply) for q in KNOWN]
    how: dict[str, Any] = gcg_prompt.COARSE
    for attempt in tries("gcg_prompt", attacked()):
        by = attempt.setting["search"]
        text = search(handle(), pairs, Search(**how, by=by), derive(3, by)).text
        assert attempt.setting["text"] == text
        assert np.array_equal(attempt.sit(ASKED), slowly(handle(), ASKED, [text] * len(ASKED)))


@pytest.mark.parametrize(("key", "course"), [("soft_prompt", [1.0, 4.0]), ("latent_attack", [0.25, 1.0])])
def test_tries_go_from_near_to_far(key: str, course: list[float]) -> None:
    """Each size of the bound is one point of a course."""
    found = tries(key, attacked())
    assert [attempt.x for attempt in found] == course
    assert len({attempt.course for attempt in found}) == 1
