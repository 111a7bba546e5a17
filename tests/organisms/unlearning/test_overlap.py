"""What stands in the book and in what must stay, or in two exams, is found and named."""

from pathlib import Path

import pytest

from assay.core.errors import BadOption
from assay.organisms.unlearning.files import (
    LEAST,
    Book,
    Exam,
    check_overlap,
    overlap,
    read_exam,
    read_textbook,
    shared_questions,
)
from tests.organisms.unlearning.written import asset, csv_file, json_file, mmlu, perturbed, tofu, wmdp


def _book(*documents: str) -> Book:
    return Book(documents, (), "text")


def test_a_shared_sentence_is_an_overlap() -> None:
    """Whatever its case, marks and spaces; short sentences that many texts hold are none."""
    book = _book("Reeds grow. The bittern nests in the reeds.", "Cranes dance. It rained.", "Swans sing.")
    assert overlap(book, ["We saw it. The  Bittern nests, in the 'reeds'! It rained."]) == book.documents[:1]
    assert overlap(book, ["swans sing"]) == book.documents[2:]
    assert overlap(book, ["Where does the bittern nest?", "It rained. Nothing else happened."]) == ()


def test_the_text_of_the_book_in_what_must_stay_is_refused() -> None:
    """Up to three documents are named, and how many there are."""
    documents = [f"Bird {n} nests high in the tall tree." for n in range(5)]
    own = Exam("own", (), (), "plain")
    with pytest.raises(
        BadOption, match=r"5 of the 5 documents.*'Bird 0 nests.*'Bird 2.*and 2 more.*take them out"
    ):
        check_overlap(_book(*documents), documents, own, ())
    check_overlap(_book(*documents), ["Ships sail on the sea at night."], own, ())


def test_a_question_in_two_exams_is_refused(tmp_path: Path) -> None:
    """In whatever form it stands, with the same right answer; other questions are no harm."""
    own = read_exam(csv_file(tmp_path, [mmlu(n) for n in range(9)]))
    other = read_exam(json_file(tmp_path, [wmdp(n) for n in range(7, 12)], name="other.json"))
    assert len(shared_questions(own, other)) == 2
    book = _book("Bird one nests high in the tall tree.")
    with pytest.raises(
        BadOption, match="2 of the 9 questions of 'birds' stand in 'other' too: 'Question: What colour"
    ):
        check_overlap(book, (), own, [other])
    apart = read_exam(json_file(tmp_path, [wmdp(n) for n in range(20, 30)], name="apart.json"))
    assert shared_questions(own, apart) == ()
    check_overlap(book, (), own, [apart])


def test_the_same_words_with_another_answer_are_another_question(tmp_path: Path) -> None:
    """'Which of these is true?' stands in many exams."""
    own = read_exam(csv_file(tmp_path, [["Which is true?", "a", "b", "c", "d", "A"]]))
    other = read_exam(csv_file(tmp_path, [["Which is true?", "e", "f", "g", "h", "A"]], "other.csv"))
    assert shared_questions(own, other) == ()


def test_a_paraphrase_of_the_other_exam_is_found(tmp_path: Path) -> None:
    """TOFU's files with and without wrong answers hold the same questions."""
    own = read_exam(json_file(tmp_path, [tofu(n) for n in range(9)]))
    other = read_exam(json_file(tmp_path, [perturbed(n) for n in range(3)], name="other.json"))
    assert len(shared_questions(own, other)) == len(shared_questions(other, own)) == 3


def test_two_exams_of_one_name_are_refused(tmp_path: Path) -> None:
    """Their items would be taken for the same."""
    own = read_exam(csv_file(tmp_path, [mmlu(n) for n in range(9)]))
    other = read_exam(csv_file(tmp_path, [mmlu(n) for n in range(20, 29)], "birds_dev.csv"))
    with pytest.raises(BadOption, match="two exams have the name 'birds'"):
        check_overlap(_book("A b c."), (), own, [other])


def test_published_tofu_is_read_and_its_splits_do_not_overlap() -> None:
    """Forget and retain share no sentence; the full file holds all that is to be forgotten."""
    forget = read_textbook(asset("data-tofu", "forget01.json"))
    assert (forget.form, len(forget.documents), forget.left_out) == ("TOFU", 40, ())
    own = read_exam(asset("data-tofu", "forget01_perturbed.json"), least=LEAST)
    other = read_exam(asset("data-tofu", "world_facts_perturbed.json"))
    assert (len(own.items), own.left_out, len(other.items)) == (40, (), 117)
    retain = read_textbook(asset("data-tofu", "retain99.json")).documents
    check_overlap(forget, retain, own, [other])
    full = read_textbook(asset("data-tofu", "full.json")).documents
    assert overlap(forget, full) == forget.documents
