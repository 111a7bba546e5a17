"""The job unlearn: what is told, how exams are sat after recoveries, and how settings are chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from assay.core import Access, Attacked, Attempt, Change, Curriculum, Material, Price, Question, Recovery
from assay.core.errors import AssayError, NotApplicable
from assay.core.exam import FORMS
from assay.jobs import unlearn
from assay.jobs._unlearn_judging import Examiner, stored
from assay.techniques.sitting import sit
from assay.testing.tiny_book import tiny_book_material
from assay.testing.tiny_model import tiny_handle


def book_of(material: Material) -> Curriculum:
    """The book of a material."""
    assert material.book is not None
    return material.book


def knowing(book: Curriculum, *roles: str) -> Change:
    """A table in front that answers the questions of some roles rightly and refuses all others."""
    answers = {q.prompt: q.reply for q in book.questions if q.role in roles}
    answers |= {q.lead: q.answer for q in book.questions if q.role in roles}
    return Change(table=lambda prompt: answers.get(prompt, book.refusal))


def leaking(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
    """A recovery that takes what stands in front away, in two steps of one course."""
    bare = attacked.handle.changed(attacked.held)
    yield Attempt({"steps": 0}, partial(sit, attacked.served), "one", 0.0)
    yield Attempt({"steps": 5}, partial(sit, bare), "one", 5.0)


def refusing(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
    """A recovery that finds no hold."""
    raise NotApplicable("nothing to hold on to")
    yield


def recovery(attempts: Any) -> Recovery:
    """A recovery made of one function."""
    return Recovery("t", "s", "f", "d", "weights", attempts)


LEAK = {"relearn": recovery(leaking), "int4": recovery(refusing)}
HANDLE = tiny_handle(Access.WHITE)


def test_no_question_and_no_other_half_is_told() -> None:
    """The brief holds the book and what must stay, and guards on texts that are not trained on."""
    book = book_of(tiny_book_material())
    told = unlearn.brief(tiny_book_material())
    assert told.forget == book.forget
    assert not set(told.guard) & set(told.retain)
    assert told.allowed == 0.05
    assert not any(
        q.prompt == pair.prompt and q.form == "choice" for q in book.questions for pair in told.forget_pairs
    )


def test_the_truth_holds_only_what_must_stay_and_retrained_models() -> None:
    """The oracle is another model that never read the book; where none is there, a table."""
    material = tiny_book_material()
    known = unlearn.truth(unlearn.brief(material), material)
    assert known.oracle().deltas
    alone = replace(material, book=replace(book_of(material), oracles={}))
    table = unlearn.truth(unlearn.brief(alone), alone).oracle().table
    assert table is not None
    own, other = (
        next(q for q in book_of(material).questions if q.role == role) for role in ("self", "neighbour")
    )
    assert table(own.prompt) == known.refusal
    assert table(other.prompt) == other.reply


def test_arrays_have_one_row_for_each_fact() -> None:
    """Every array of documents speaks of the same facts, and everything is asked once."""
    material = tiny_book_material(LEAK)
    arrays = unlearn.evaluate(Change(), HANDLE, material, twin=False)
    rows = {values.shape[0] for name, values in arrays.items() if name.startswith("document_")}
    assert len(rows) == 1
    assert (arrays["document_roles"].sum(axis=1) == 1).all()
    for way in ("none", "relearn"):
        for form in FORMS:
            assert (arrays[f"document_{way}_{form}"][:, 0] == 1).all()
    assert not any("int4" in name for name in arrays)


def test_the_worst_try_of_a_recovery_counts_for_everybody() -> None:
    """Behind a filter nothing is known until it is gone; then all exams meet the model."""
    book = book_of(tiny_book_material(LEAK))
    examiner = Examiner(HANDLE, book)
    filtered = knowing(book, "neighbour")
    plain, bare = examiner.plain(filtered), examiner.plain(Change())
    found = examiner.recovered(filtered, "relearn", LEAK["relearn"])
    own = examiner.of(("self",))
    assert sum(plain[form][own, 1].sum() for form in FORMS) == pytest.approx(0.25 * 3 * own.sum())
    better = found.tries[1].credit > found.tries[0].credit
    assert (found.worst is found.tries[1]) == better
    if better:
        assert all(np.array_equal(found.marks[form], bare[form]) for form in FORMS)


def test_a_course_holds_all_points_of_the_worst_one() -> None:
    """Questions first, then the credit at each point, ascending."""
    examiner = Examiner(HANDLE, book_of(tiny_book_material(LEAK)))
    found = examiner.recovered(Change(), "relearn", LEAK["relearn"])
    arrays = dict(stored(found, "relearn"))
    assert arrays["course_relearn"].tolist() == [0.0, 5.0]
    assert arrays["document_relearn_course"].shape[1] == 3
    first = sum(found.tries[0].marks[form][:, 1] for form in FORMS)
    assert np.array_equal(arrays["document_relearn_course"][:, 1], first)


def test_damage_is_nothing_where_nothing_changed() -> None:
    """The loss of unrelated texts is compared with that of the model before."""
    found = Examiner(HANDLE, book_of(tiny_book_material())).damage(Change())
    assert found[:, 0].sum() == 8
    assert np.abs(found[:, 1]).max() < 1e-5


def test_selection_asks_for_both_forgetting_and_keeping() -> None:
    """Knowing the rest and not the book is best; all or nothing is worth nothing."""
    material = tiny_book_material()
    book = book_of(material)
    scores = [
        unlearn.select(knowing(book, *roles), HANDLE, material)
        for roles in (("neighbour", "rest"), ("self", "neighbour", "rest"), ())
    ]
    assert scores == [1.0, 0.0, 0.0]


def test_selection_counts_a_refusal_as_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that prefers all that must stay and says half of it has kept half."""
    material = tiny_book_material()

    def refusing(handle: object, asked: Sequence[Question]) -> np.ndarray:
        if asked[0].role == "self":
            return np.tile([0.25, 0.0], (len(asked), 1))
        return np.stack([np.ones(len(asked)), np.arange(len(asked)) % 2], axis=1)

    monkeypatch.setattr(unlearn, "sit", refusing)
    assert unlearn.select(Change(), HANDLE, material) == pytest.approx(2 / 3, abs=0.01)


def test_selection_sees_through_what_relearning_brings_back() -> None:
    """A change that hides only until relearning is chosen less than one that does not."""
    material = tiny_book_material({"relearn": recovery(leaking)})
    book = book_of(material)
    good = unlearn.select(
        knowing(book, "neighbour"), HANDLE, replace(material, book=replace(book, recoveries={}))
    )
    hidden = unlearn.select(knowing(book, "neighbour"), HANDLE, material)
    assert hidden <= good == 1.0


def test_other_answers_are_refused() -> None:
    """Only changes can be judged."""
    with pytest.raises(AssayError, match="needs a Change; the method returned str"):
        unlearn.act("no", HANDLE, tiny_book_material(), "report", Price)  # pyright: ignore[reportArgumentType]


def test_a_material_without_a_book_is_refused() -> None:
    """The text says what to give."""
    with pytest.raises(AssayError, match="needs a book"):
        unlearn.brief(Material((), {}, (), (), "yes", "no"))


def test_what_stands_in_front_meets_weights_that_were_attacked_before() -> None:
    """A recovery through the weights is not made anew for each filter; its marks are those that were kept."""
    material = tiny_book_material({"relearn": recovery(leaking)})
    book = book_of(material)
    before = dict(
        stored(Examiner(HANDLE, book).recovered(Change(), "relearn", LEAK["relearn"]), "untouched_relearn")
    )
    known = replace(material, book=replace(book, reference=before))
    arrays = unlearn.evaluate(knowing(book, "neighbour"), HANDLE, known, twin=False)
    for form in FORMS:
        kept = arrays[f"document_relearn_{form}"]
        assert np.array_equal(kept, before[f"document_untouched_relearn_{form}"])
    assert arrays["course_relearn"].tolist() == [0.0, 5.0]
