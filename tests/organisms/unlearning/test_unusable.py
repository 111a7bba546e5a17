"""Exams in files: whatever is not used is named with its reason, and what cannot be used is refused."""

from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import BadOption
from assay.organisms.unlearning.files import LEAST, read_exam, read_textbook
from tests.organisms.unlearning.written import (
    FORMS,
    Entry,
    asked,
    csv_file,
    json_file,
    mmlu,
    perturbed,
    plain,
    tofu,
    wmdp,
)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([*mmlu(0)[:5], ""], "it has no key: the last cell is empty and is none of A, B, C, D"),
        ([*mmlu(0)[:5], "E"], "it has no key: 'E' is none of A, B, C, D"),
        ([*mmlu(0)[:5], "AB"], "it has no key: 'AB'"),
        (mmlu(0)[:5], "it has no key: 5 cells, and the sixth should be the letter"),
        (["", *mmlu(0)[1:]], "its question is empty"),
        (["Why?", "a", " ", "c", "d", "A"], "its option B is empty"),
        (["Why?", "a", "b", "b", "d", "A"], "its options B and C are both 'b'"),
        (["Why?", "A"], "it has 2 cells; question, A, B, C, D and the right letter make 6"),
        (mmlu(3), "it asks the same as row 4"),
        ([*mmlu(3)[:5], "A"], "it asks the same as row 4 with another key"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, row: list[str], says: str) -> None:
    """The others are kept; the sentence has the number of the row, counted from 1, and the reason."""
    exam = read_exam(csv_file(tmp_path, [*(mmlu(n) for n in range(10)), row]))
    assert len(exam.items) == 10
    assert len(exam.left_out) == 1
    assert exam.left_out[0].startswith(f"row 11: {says}")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (["prompt", "options"], "it is no JSON object but list"),
        (plain(99) | {"prompt": " "}, "'prompt' is empty"),
        (plain(99) | {"prompt": 3}, "'prompt' is not a text"),
        (plain(99) | {"options": "red"}, "'options' is no list"),
        (plain(99) | {"options": ["red"], "answer": 0}, "it has 1 option and needs 2 to 26"),
        (plain(99) | {"options": ["red", ""]}, "entry 1 of 'options' is empty"),
        (plain(99) | {"options": ["red", 7]}, "entry 1 of 'options' is not a text"),
        (plain(99) | {"options": ["red", "blue", "red "], "answer": 1}, "its options A and C are both 'red'"),
        (plain(99) | {"answer": None}, "it has no key: 'answer' is missing"),
        (plain(99) | {"answer": "white"}, "'answer' is 'white', which is neither an option nor the number"),
        (plain(99) | {"answer": 4}, "'answer' is 4, which is neither"),
        (plain(99) | {"answer": True}, "'answer' is True, which is neither"),
        (plain(99) | {"form": "essay"}, "'form' is 'essay'; known are choice, cloze, generation"),
        (plain(99) | {"half": "left"}, "'half' is 'left'; known are attacker, exam"),
        (plain(99) | {"role": "me"}, "'role' is 'me'; known are self, neighbour, rest, twin"),
        (plain(99) | {"stem": "It is"}, "it has a 'stem' and no 'form'"),
        (
            plain(99) | {"form": "generation", "options": ["red", "red wine"], "answer": 0},
            "a free reply could not be judged",
        ),
        (plain(3), "it asks the same as case 4"),
    ],
)
def test_a_plain_case_that_cannot_be_used_is_named(tmp_path: Path, entry: object, says: str) -> None:
    """The same for our own form."""
    exam = read_exam(json_file(tmp_path, [*(plain(n) for n in range(10)), entry]))
    assert len(exam.items) == 10
    assert len(exam.left_out) == 1
    assert exam.left_out[0].startswith(f"case 11: {says}")


@pytest.mark.parametrize(
    ("make", "changes", "says"),
    [
        (wmdp, {"answer": None}, "it has no key"),
        (wmdp, {"answer": 4}, "'answer' is 4 and should be a number from 0 to 3"),
        (wmdp, {"answer": "B"}, "'answer' is 'B' and should be a number"),
        (wmdp, {"choices": []}, "it has 0 options and needs 2 to 26"),
        (tofu, {"answer": ""}, "it has no key"),
        (tofu, {"answer": ["a"]}, "'answer' is not a text"),
        (perturbed, {"perturbed_answer": []}, "'perturbed_answer' holds no wrong answer"),
        (perturbed, {"perturbed_answer": 3}, "'perturbed_answer' is neither a text nor a list"),
    ],
)
def test_a_record_that_cannot_be_used_is_named(tmp_path: Path, make: Any, changes: Entry, says: str) -> None:
    """The same for WMDP and TOFU, even if it is the first of the file."""
    exam = read_exam(json_file(tmp_path, [make(99) | changes, *(make(n) for n in range(10))]))
    assert len(exam.items) == 10
    assert len(exam.left_out) == 1
    assert exam.left_out[0].startswith(f"case 1: {says}")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("junk", [None, 0, True, "", "x", [], [1], {}, [[]], {"prompt": 1}, [{"a": {}}]])
def test_no_value_of_a_field_breaks_the_reader(tmp_path: Path, form: str, junk: object) -> None:
    """Whatever stands in a field, the other cases are read."""
    bad: list[Entry] = []
    for key in FORMS[form](0):
        bad.append(FORMS[form](len(bad) + 100) | {key: junk})
    exam = read_exam(json_file(tmp_path, [*(FORMS[form](n) for n in range(12)), *bad]))
    assert set(exam.items) >= {f"birds/{n}" for n in range(1, 13)}


def test_a_reply_that_could_not_be_judged_is_not_asked_for(tmp_path: Path) -> None:
    """'Red wine' holds 'red'; the other forms stay, and the reason is said."""
    rows = [mmlu(0), ["What is it?", "red", "red wine", "beer", "tea", "A"]]
    exam = read_exam(csv_file(tmp_path, rows))
    assert set(asked(exam, 2)) == {"choice", "cloze"}
    assert exam.left_out[0].startswith("row 2: it is not asked freely")


def test_the_same_words_with_other_options_stay_a_choice(tmp_path: Path) -> None:
    """Without its options nobody could tell it from the earlier one."""
    rows = [["Which is true?", "a", "b", "c", "d", "A"], ["Which is true?", "e", "f", "g", "h", "B"]]
    exam = read_exam(csv_file(tmp_path, rows))
    assert set(asked(exam, 1)) == {"choice", "cloze", "generation"}
    assert set(asked(exam, 2)) == {"choice"}
    assert exam.left_out == (
        "row 2: it is not asked as cloze and generation, since row 1 has the same words with another key",
    )


def test_an_item_is_in_one_half(tmp_path: Path) -> None:
    """A case that says otherwise is left out."""
    cases = [plain(n) | {"item": "one", "half": half} for n, half in enumerate(("exam", "attacker"))]
    exam = read_exam(json_file(tmp_path, cases))
    assert {q.half for q in exam.questions} == {"exam"}
    assert exam.left_out[0] == (
        "case 2: its half is 'attacker', and case 1, of the same item, is of the half 'exam'"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("[]", "the list is empty"),
        ("{not json", "neither a JSON list nor one JSON object a line"),
        ('{"a": 1}\n{"b": ', "line 2"),
        ('[{"q": "x", "a": "y"}]', "case 1 has the fields q, a.*plain.*WMDP.*TOFU"),
        ("[1, 2]", "case 1 has no object but int"),
    ],
)
def test_json_that_is_no_exam_is_refused(tmp_path: Path, content: str, says: str) -> None:
    """The error says what was found, and which forms are known."""
    path = tmp_path / "exam.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadOption, match=says):
        read_exam(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ('"Why,a,b,c,d,A\n', "not CSV"),
        ("question,A,B,C,D,answer\n", "holds no question"),
        (
            "Birds nest in reeds.\nIt rained.",
            "no question can be used; row 1: it has 1 cell;.*any other exam is JSON",
        ),
        (
            "Why?,a,b,c,d,\nHow?,e,f,g,h,\n",
            "this exam has no key: none of its 2 rows says which option is right",
        ),
        ("Why?,a,b,c,d\n", "this exam has no key"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "txt"])
def test_a_table_that_is_no_exam_is_refused(tmp_path: Path, content: str, says: str, suffix: str) -> None:
    """Whether or not its name says CSV."""
    path = tmp_path / f"exam.{suffix}"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadOption, match=says):
        read_exam(path)


@pytest.mark.parametrize("make", [wmdp, plain, tofu])
def test_json_without_a_key_is_refused(tmp_path: Path, make: Any) -> None:
    """An exam cannot be marked without one, and the error names it."""
    path = json_file(tmp_path, [make(n) | {"answer": ""} for n in range(9)])
    with pytest.raises(BadOption, match="this exam has no key: none of its 9 cases"):
        read_exam(path)


def test_a_path_that_is_no_text_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and a binary file are each named, for exams and textbooks."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x81")
    for read in (read_exam, read_textbook):
        with pytest.raises(BadOption, match="no such file"):
            read(tmp_path / "absent.json")
        with pytest.raises(BadOption, match="cannot be read as text"):
            read(tmp_path)
        with pytest.raises(BadOption, match="it is not UTF-8"):
            read(tmp_path / "binary")


def test_too_few_questions_are_refused_where_they_are_needed(tmp_path: Path) -> None:
    """The error counts them and says why rows were left out; other exams may be short."""
    path = csv_file(tmp_path, [*(mmlu(n) for n in range(7)), mmlu(0)])
    with pytest.raises(
        BadOption, match="7 questions can be used and 8 are needed; left out: row 8: it asks the same"
    ):
        read_exam(path, least=LEAST)
    assert len(read_exam(path).items) == 7


def test_an_empty_half_is_refused_where_it_is_needed(tmp_path: Path) -> None:
    """Whoever names the halves needs both."""
    path = json_file(tmp_path, [plain(n) | {"half": "exam"} for n in range(9)])
    with pytest.raises(BadOption, match="0 items are in the attacker's half and 9 in the exam's"):
        read_exam(path, least=LEAST)


def test_a_file_on_two_subjects_is_refused(tmp_path: Path) -> None:
    """One file is one exam."""
    path = json_file(tmp_path, [wmdp(n) | {"subject": f"s{n % 2}"} for n in range(9)])
    with pytest.raises(BadOption, match=r"it holds 2 subjects \(s0, s1\)"):
        read_exam(path)
