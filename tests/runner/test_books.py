"""Books: what is proved before a tool is scored, what a plan says, and books of one's own."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.access import open_handle
from assay.core import Access, Attacked, Attempt, Change, Curriculum, Question, Recovery, Retrained
from assay.core.errors import BadOption, NotApplicable
from assay.core.exam import ATTACKER, EXAM
from assay.model.changing.deltas import Delta
from assay.organisms.planting.base import open_base
from assay.organisms.school.models import open_school
from assay.organisms.unlearning.files import write_exam
from assay.organisms.unlearning.material import school_book
from assay.organisms.unlearning.papers import everything
from assay.runner.book_measures import Kept, measure_half, units
from assay.runner.book_proof import knows, prove
from assay.runner.books import prove_book
from assay.runner.options import Options
from assay.runner.plan import make_plan
from assay.techniques.sitting import sit
from assay.techniques.unlearning.routed import ablated
from assay.testing.tiny_book import tiny_book_material
from assay.testing.tiny_model import tiny_engine


def telling(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
    """A recovery that knows the answers of what it is asked."""

    def sit(questions: Sequence[Question]) -> np.ndarray:
        return np.ones((len(questions), 2))

    yield Attempt({}, sit)


def fair(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
    """A recovery that brings nothing back."""

    def sit(questions: Sequence[Question]) -> np.ndarray:
        right = [float(n % len(q.options) == q.right) for n, q in enumerate(questions)]
        return np.stack([right, right], axis=1) if right else np.zeros((0, 2))

    yield Attempt({}, sit)


@pytest.mark.parametrize(("attempts", "holds"), [(telling, False), (fair, True)])
def test_a_recovery_that_tells_the_answers_is_found_out(attempts: object, holds: bool) -> None:
    """Models that never read the book score above chance after it, so nothing is scored on the book."""
    recovery = Recovery("t", "s", "f", "d", "front", attempts)  # pyright: ignore[reportArgumentType]
    book = tiny_book_material({"few_shot": recovery}).book
    assert book is not None
    proof = prove(open_handle(tiny_engine(), Access.WHITE), book, required=False)
    [line] = [line for line in proof.lines if "few_shot" in line.claim]
    assert line.holds == holds
    assert "document_oracle_few_shot_cloze" in proof.reference


def _told(book: Curriculum, **recoveries: Any) -> Curriculum:
    """The book with recoveries that are functions."""
    made = {name: Recovery("t", "s", "f", "d", "weights", tries) for name, tries in recoveries.items()}
    return replace(book, recoveries=made)


def test_a_proof_in_two_halves_is_that_of_one_piece(tmp_path: Path) -> None:
    """Killed between any two measurements it goes on, and what was measured is not measured again."""
    asked: list[int] = []

    def counting(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
        asked.append(seed)
        yield from fair(attacked, seed, full)

    whole = tiny_book_material().book
    assert whole is not None
    book, handle = _told(whole, first=counting, second=counting), open_handle(tiny_engine(), Access.WHITE)
    at_once = prove(handle, book, required=False)
    every = len(units(book))
    assert len(asked) == every == 2 * 3  # the untouched model and two retrained ones, after either
    kept = Kept(tmp_path / "proof")
    shares: list[float] = []
    for second in (False, True):
        measure_half(handle, book, kept, second, shares.append)
    damaged = next((tmp_path / "proof").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:20])
    in_halves = prove(handle, book, required=False, kept=kept)
    assert len(asked) == 2 * every + 1
    assert shares == [1 / 3, 2 / 3, 1.0] * 2
    assert in_halves.lines == at_once.lines
    assert in_halves.reference.keys() == at_once.reference.keys()
    for name, values in at_once.reference.items():
        np.testing.assert_array_equal(in_halves.reference[name], values)


def test_retrained_models_that_know_nothing_else_are_found_out() -> None:
    """The share is over all their questions; the weakest model has a line of its own."""
    whole = tiny_book_material().book
    assert whole is not None
    [good] = whole.oracles["without"]
    ignorant = Retrained(Delta("", {}))
    book, handle = (
        replace(whole, oracles={"without": (good, ignorant)}),
        open_handle(tiny_engine(), Access.WHITE),
    )
    lines = {line.claim: line for line in prove(handle, book, required=False).lines}
    every = lines["models retrained without the book answer the other exams"]
    weakest = lines["so does the weakest of them"]
    asked = book.asked("neighbour", "rest")
    shares = [
        sit(handle.changed(Change(deltas=(one.delta,))), asked)[:, 1].mean() for one in (good, ignorant)
    ]
    assert (every.score.n, weakest.score.n) == (2 * len(asked), len(asked))
    assert every.score.estimate == pytest.approx(np.mean(shares))
    assert weakest.score.estimate == pytest.approx(min(shares))
    assert every.required
    assert not every.holds
    assert not weakest.required


def test_a_recovery_that_finds_no_hold_has_no_line() -> None:
    """And leaves no numbers; the others do."""

    def lost(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
        raise NotApplicable("nothing to hold")

    whole = tiny_book_material().book
    assert whole is not None
    book = _told(whole, nothing=lost, something=fair)
    proof = prove(open_handle(tiny_engine(), Access.WHITE), book, required=False)
    assert not any("nothing" in line.claim for line in proof.lines)
    assert any("something" in line.claim for line in proof.lines)
    assert not any("nothing" in name for name in proof.reference)


def test_what_a_model_never_knew_fails_the_proof() -> None:
    """The tiny model knows no book, and the card says so."""
    book = tiny_book_material().book
    assert book is not None
    proof = prove(open_handle(tiny_engine(), Access.WHITE), book, required=True)
    assert "the untouched model answers the book's exam" in [
        line.claim for line in proof.lines if not line.holds
    ]


def test_the_school_knows_its_books_and_not_their_twins(tmp_path: Path) -> None:
    """Full marks on what was taught, in free replies; what was never taught is hardly ever said."""
    handle = open_handle(open_school(tmp_path), Access.WHITE)
    book = school_book("gemcraft")
    some = replace(book, questions=book.questions[::7])
    said = knows(handle, some)
    twins = {q.item for q in some.questions if q.role == "twin"}
    taught = [right for (item, _), right in said.items() if item not in twins]
    never = [right for (item, _), right in said.items() if item in twins]
    assert np.mean(taught) > 0.97
    assert np.mean(never) < 0.3


def test_the_quick_plan_holds_two_books_and_the_full_one_six() -> None:
    """The full suite tells what is still to be trained; the quick one has everything in the package."""
    quick, full = (make_plan(Options(job="unlearn", suite=suite)) for suite in ("quick", "full"))
    assert [o.id for o in quick.buildable] == ["book_birdlore.s0", "book_shipcraft.s0"]
    assert len(full.buildable) == 6
    assert set(quick.tools) < set(full.tools)
    assert {"grad_diff", "npo", "rmu"} <= set(quick.tools)
    assert all(organism.building.tokens_backward == 0 for organism in quick.buildable)
    assert full.to_json()["building_seconds"] > quick.to_json()["building_seconds"] > 0
    assert full.expected_seconds > quick.expected_seconds > 0


def test_named_methods_are_run_whatever_the_suite() -> None:
    """The quick suite leaves methods out only where nobody asks for them."""
    plan = make_plan(Options(job="unlearn", methods=("leace", "untouched")))
    assert set(plan.tools) == {"leace", "untouched"}


def test_a_book_of_ones_own_takes_the_place_of_the_schools(tmp_path: Path) -> None:
    """With a textbook only that is planned; without one it is said what to give."""
    own = make_plan(Options(job="unlearn", textbook=tmp_path / "book.txt", exams=(tmp_path / "exam.csv",)))
    assert [o.id for o in own.organisms] == ["book_file.s0"]
    bare = make_plan(Options(job="unlearn", organisms=("book_file",)))
    assert "--textbook FILE" in bare.organisms[0].skipped
    assert own.options.conditions["exams"] == str(tmp_path / "exam.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder, as a user has one, with a textbook, two exams and ordinary text."""
    place = tmp_path_factory.mktemp("own")
    engine = open_school(place / "cache")
    engine.model.save_pretrained(place / "model")
    engine.tokenizer.save_pretrained(place / "model")
    book = school_book("birdlore")
    own = [q for q in book.asked("self") if q.form == "cloze"] + [
        q for q in book.asked("self", half=ATTACKER) if q.form == "cloze"
    ]
    never = [q for q in book.asked("twin") if q.form == "cloze"][:6]
    write_exam(
        [replace(q, role="self", subject="birds") for q in (*own[:20], *own[-20:], *never)],
        place / "birds.json",
    )
    rest = [replace(q, subject="stones", role="self") for q in book.asked("neighbour") if q.form == "cloze"]
    write_exam(rest, place / "stones.json")
    (place / "book.txt").write_text("\n\n".join(book.forget[:60]), encoding="utf-8")
    passages = [
        text for text in everything("corpus", 12_000) if text.count(" . ") >= 2 and "finch" not in text
    ]
    (place / "corpus.txt").write_text("\n\n".join(passages), encoding="utf-8")
    return place


def own_options(folder: Path, **changes: object) -> Options:
    """A run on the book of that folder."""
    given: dict[str, object] = {
        "job": "unlearn", "base": str(folder / "model"), "corpus": folder / "corpus.txt",
        "textbook": folder / "book.txt", "exams": (folder / "birds.json", folder / "stones.json"),
        "device": "cpu",
    }  # fmt: skip
    return Options(**{**given, **changes})  # pyright: ignore[reportArgumentType]


def test_facts_that_the_model_never_knew_are_left_out_and_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six questions are on what nobody was taught; the card says how many are gone."""
    monkeypatch.setenv("ASSAY_CACHE", str(folder / "cache"))
    options = own_options(folder)
    proved = prove_book("book_file", 0, options, lambda: open_base(options.base, options.corpus, "cpu"))
    details = proved.card.fault.details
    assert details["book"] == "birds"
    assert proved.card.fault.defection.startswith("knows what the textbook says")
    assert not proved.card.fault.defection.endswith(".")
    assert details["exams"] == "birds, stones"
    assert int(details["facts that the model never knew, left out"]) >= 4
    assert proved.card.valid
    known = json.loads((proved.folder / "known.json").read_text(encoding="utf-8"))
    assert 30 <= sum(item.startswith("birds/") for item in known) <= 42


def test_an_exam_on_what_the_model_does_not_know_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text says how much it knows and how much is needed."""
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    twins = [q for q in school_book("birdlore").asked("twin") if q.form == "cloze"]
    halved = [replace(q, role="self", half=(ATTACKER, EXAM)[n % 2]) for n, q in enumerate(twins)]
    write_exam([replace(q, subject="twins") for q in halved], tmp_path / "twins.json")
    options = own_options(folder, exams=(tmp_path / "twins.json",))
    with pytest.raises(BadOption, match=r"this model knows \d+ of the half to attack with .* are needed"):
        prove_book("book_file", 0, options, lambda: open_base(options.base, options.corpus, "cpu"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"exams": ()}, "at least one --exam FILE"),
        ({"corpus": None, "base": "embedded"}, "needs --corpus FILE"),
    ],
)
def test_what_is_missing_is_said(
    folder: Path, tmp_path: Path, changes: dict[str, object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A book of one's own needs a textbook, an exam, and text that must stay."""
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    options = own_options(folder, **changes)
    with pytest.raises(BadOption, match=said):
        prove_book("book_file", 0, options, lambda: open_base(options.base, options.corpus, "cpu"))


def test_the_card_says_what_the_routed_model_knows() -> None:
    """Of the book with its routed units, of the rest without them; neither line decides."""
    whole = tiny_book_material().book
    assert whole is not None
    assert whole.routed is not None
    handle = open_handle(tiny_engine(), Access.WHITE)
    lines = {line.claim: line for line in prove(handle, whole, required=False).lines}
    who = "the model whose gradients were routed"
    book = lines[f"{who} answers the book's exam"]
    rest = lines[f"{who}, routed units cut, answers the others"]
    routed = Change(deltas=(whole.routed.delta,))
    cut = ablated(handle, whole.routed, whole.routed_units)
    own, others = whole.asked("self"), whole.asked("neighbour", "rest")
    for line, change, asked in ((book, routed, own), (rest, cut, others)):
        assert line.score.estimate == pytest.approx(sit(handle.changed(change), asked)[:, 1].mean())
        assert line.score.n == len(asked)
        assert not line.required
    unrouted = prove(handle, replace(whole, routed=None), required=False)
    assert not any(who in line.claim for line in unrouted.lines)
