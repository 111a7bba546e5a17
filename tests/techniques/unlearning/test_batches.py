"""What each step sees is drawn by the seed, half pairs and half documents, everything equally often."""

from collections import Counter

import pytest

from assay.core.errors import NotApplicable
from assay.core.exam import Told
from assay.techniques.unlearning.batches import draws

TOLD = [Told(f"p{number}", f"r{number}") for number in range(10)]
DOCUMENTS = [f"d{number}" for number in range(30)]


def test_half_are_pairs_and_half_are_documents() -> None:
    """Replies get the space in front of them, documents have no prompt."""
    batch = draws(TOLD, DOCUMENTS, 0, 6).at(3)
    assert [bool(pair.prompt) for pair in batch] == [True] * 3 + [False] * 3
    assert all(pair.reply == f" r{pair.prompt[1:]}" for pair in batch[:3])
    assert set(draws(TOLD, DOCUMENTS, 0, 6).texts_at(3)) <= {f"p{n} r{n}" for n in range(10)} | set(DOCUMENTS)


def test_everything_is_seen_equally_often() -> None:
    """As many steps as go evenly into both lists show each of them as often as all others of its kind."""
    made = draws(TOLD, DOCUMENTS, 1, 6)
    seen = Counter(text for step in range(30) for text in made.texts_at(step))
    assert {seen[f"p{n} r{n}"] for n in range(10)} == {9}
    assert {seen[text] for text in DOCUMENTS} == {3}


def test_a_step_depends_on_seed_and_number_alone() -> None:
    """Asked for in another order, or again, it is the same; another seed or step gives another one."""
    one, again = draws(TOLD, DOCUMENTS, 0), draws(TOLD, DOCUMENTS, 0)
    assert [one.at(step) for step in (5, 0, 5)] == [again.at(5), again.at(0), again.at(5)]
    assert one.at(0) != one.at(1)
    assert one.at(0) != draws(TOLD, DOCUMENTS, 1).at(0)


def test_one_kind_alone_fills_the_step() -> None:
    """Without documents all are pairs, and the other way round."""
    assert len(draws(TOLD, (), 0, 4).at(0)) == len(draws((), DOCUMENTS, 0, 4).at(0)) == 4


def test_few_texts_are_all_seen_once() -> None:
    """No text comes twice in a step where there are fewer than it holds."""
    assert draws(TOLD[:2], (), 0).texts_at(7) == ["p0 r0", "p1 r1"]


def test_nothing_at_all_is_refused() -> None:
    """There is nothing to train on."""
    with pytest.raises(NotApplicable, match="neither pairs nor documents"):
        draws((), (), 0)
