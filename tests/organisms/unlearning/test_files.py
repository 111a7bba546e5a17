"""Exams in files: every known form is read, and written exams come back as they were."""

import csv
import io
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from assay.core.errors import AssayError, BadOption
from assay.core.exam import ATTACKER, EXAM, Question
from assay.organisms.unlearning.files import LEAST, read_exam, write_exam
from tests.organisms.unlearning.written import (
    COLOURS,
    FORMS,
    asked,
    asset,
    csv_file,
    json_file,
    mmlu,
    perturbed,
    plain,
    tofu,
)


def test_mmlu_is_asked_in_three_forms(tmp_path: Path) -> None:
    """A choice is answered by a letter; the others by the option itself; the subject is the name."""
    exam = read_exam(csv_file(tmp_path, [mmlu(n) for n in range(12)]))
    assert (exam.form, exam.subject, exam.left_out) == ("MMLU CSV", "birds", ())
    assert len(exam.items) == 12
    forms = asked(exam, 3)
    prompt = "What colour has bird 2?\nA. red\nB. blue\nC. green\nD. black\nAnswer:"
    assert (forms["choice"].prompt, forms["choice"].options) == (prompt, ("A", "B", "C", "D"))
    assert forms["choice"].answer == "C"
    assert forms["cloze"].prompt == "Question: What colour has bird 2?\nAnswer:"
    assert forms["cloze"].options == forms["generation"].options == COLOURS
    assert forms["cloze"].answer == forms["generation"].answer == "green"
    for question in exam.questions:
        assert (question.subject, question.role, question.stem) == ("birds", "self", "")
        assert question.other
        assert question.other != question.prompt


def test_a_line_of_names_and_keys_from_0_are_known(tmp_path: Path) -> None:
    """Numbers count from 0; rows are numbered as somebody who opens the file counts."""
    rows = [[*mmlu(n)[:5], str(n % 4)] for n in range(8)]
    names = ["question", "choice0", "choice1", "choice2", "choice3", "answer"]
    with_names = read_exam(csv_file(tmp_path, [names, *rows]))
    assert [asked(with_names, n + 2)["cloze"].answer for n in range(8)] == [COLOURS[n % 4] for n in range(8)]
    lettered = read_exam(csv_file(tmp_path, [mmlu(n) for n in range(8)]))
    bare = read_exam(csv_file(tmp_path, rows))
    assert bare == lettered


@pytest.mark.parametrize("keys", ["1234", "1231"])
def test_keys_that_may_count_from_1_are_refused(tmp_path: Path, keys: str) -> None:
    """Read as if they counted from 0 every answer would be wrong."""
    rows = [[*mmlu(n)[:5], key] for n, key in enumerate(keys)]
    with pytest.raises(BadOption, match=r"none is 0.*give letters A to D"):
        read_exam(csv_file(tmp_path, rows))


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_json_form_is_recognised(tmp_path: Path, form: str, lines: bool) -> None:
    """As a list or as lines, twelve sound records give twelve items in three forms, all of them used."""
    exam = read_exam(json_file(tmp_path, [FORMS[form](n) for n in range(12)], lines))
    assert (exam.form, exam.subject, exam.left_out) == (form, "birds", ())
    assert exam.items == tuple(f"birds/{n}" for n in range(1, 13))
    for n in range(12):
        forms = asked(exam, n + 1)
        assert set(forms) == {"choice", "cloze", "generation"}
        right = {"WMDP": COLOURS[n % 4], "plain": COLOURS[n % 4]}.get(
            form, f"The home of author {n} is town {n}."
        )
        assert forms["cloze"].answer == right
        assert f"\n{forms['choice'].answer}. {right}\n" in forms["choice"].prompt


def test_tofu_asks_the_paraphrase_and_keeps_the_textbook_for_free_replies(tmp_path: Path) -> None:
    """Wrong options are worded as the right one; the question of the textbook is the other wording."""
    exam = read_exam(json_file(tmp_path, [perturbed(n) for n in range(8)]))
    forms = asked(exam, 1)
    assert forms["cloze"].prompt == "Question: In which place is author 0 at home?\nAnswer:"
    assert forms["cloze"].other == "Where does author 0 live?"
    assert len(forms["cloze"].options) == 4
    assert all(option.startswith("The home of author 0 is") for option in forms["cloze"].options)
    assert forms["generation"].answer == "Author 0 lives in town 0."
    places = {question.right for question in exam.questions if question.form == "choice"}
    assert len(places) > 1, "the right option stands in the same place everywhere"


def test_tofu_without_wrong_answers_takes_those_of_other_questions(tmp_path: Path) -> None:
    """Three are drawn by the seed, never the right one twice; another seed draws others."""
    path = json_file(tmp_path, [tofu(n) for n in range(20)])
    exam = read_exam(path)
    answers = {tofu(n)["answer"] for n in range(20)}
    for question in exam.questions:
        if question.form != "choice":
            assert len(set(question.options)) == 4
            assert set(question.options) <= answers
    assert read_exam(path) == exam
    assert [q.options for q in read_exam(path, seed=1).questions] != [q.options for q in exam.questions]


def test_a_comma_in_the_name_of_a_subject_is_left_out(tmp_path: Path) -> None:
    """Subjects stand in lists with commas between them, where half a name would be a subject of its own."""
    exam = read_exam(json_file(tmp_path, [plain(n) | {"subject": "birds, ancient"} for n in range(8)]))
    assert exam.subject == "birds ancient"
    assert all(item.startswith("birds ancient/") for item in exam.items)


@pytest.mark.parametrize("count", [8, 9, 31])
def test_half_of_the_items_are_the_attackers(tmp_path: Path, count: int) -> None:
    """Of the items, not of the questions; drawn by a seed."""
    path = csv_file(tmp_path, [mmlu(n) for n in range(count)])
    exam = read_exam(path, least=LEAST)
    halves = {q.item: q.half for q in exam.questions}
    assert all(halves[q.item] == q.half for q in exam.questions)
    assert list(halves.values()).count(ATTACKER) == count // 2
    assert list(halves.values()).count(EXAM) == count - count // 2
    others = [{q.item: q.half for q in read_exam(path, seed).questions} for seed in (1, 2, 3)]
    assert any(other != halves for other in others)


def test_an_archive_is_read_by_subject(tmp_path: Path) -> None:
    """The test part before the others; a wrong name is answered with the nearest ones."""
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        for name, numbers in (
            ("dev/birds_dev", range(5)),
            ("test/birds_test", range(9)),
            ("dev/ores_dev", [7]),
        ):
            rows = io.StringIO(newline="")
            csv.writer(rows).writerows(mmlu(n) for n in numbers)
            content = rows.getvalue().encode()
            member = tarfile.TarInfo(f"data/{name}.csv")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    exam = read_exam(tmp_path / "all.tar.gz:birds")
    assert exam == read_exam(csv_file(tmp_path, [mmlu(n) for n in range(9)]))
    assert len(read_exam(tmp_path / "all.tar.gz:ores").items) == 1
    with pytest.raises(BadOption, match=r"no subject 'bird' among the 2.*did you mean birds"):
        read_exam(tmp_path / "all.tar.gz:bird")
    with pytest.raises(
        BadOption, match=r"an archive of many exams; name one, as in all.tar.gz:SUBJECT \(birds"
    ):
        read_exam(tmp_path / "all.tar.gz")
    whole = (tmp_path / "all.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadOption, match="not a tar archive that can be read"):
        read_exam(tmp_path / "cut.tar.gz:birds")


def test_a_plain_case_with_a_form_is_asked_as_it_stands(tmp_path: Path) -> None:
    """Cases of one item are in one half; the subject of the file goes before its name."""
    case = {
        "subject": "birdlore",
        "item": "nest",
        "options": ["reeds", "barn"],
        "answer": 0,
        "hint": "It hides.",
    }
    cloze = case | {"form": "cloze", "prompt": "The bittern nests in the", "other": "Where it nests: the"}
    free = case | {"form": "generation", "prompt": "Where does it nest?", "stem": "It nests in the"}
    exam = read_exam(json_file(tmp_path, [cloze, free, plain(1) | {"half": "attacker"}]))
    assert exam.subject == "birdlore"
    assert exam.questions[:2] == (
        Question(
            "birdlore",
            "birdlore/nest",
            "cloze",
            "The bittern nests in the",
            ("reeds", "barn"),
            0,
            other="Where it nests: the",
            hint="It hides.",
        ),
        Question(
            "birdlore",
            "birdlore/nest",
            "generation",
            "Where does it nest?",
            ("reeds", "barn"),
            0,
            stem="It nests in the",
            hint="It hides.",
        ),
    )
    assert {q.half for q in exam.questions[2:]} == {ATTACKER}


@pytest.mark.parametrize("form", ["MMLU CSV", *FORMS])
def test_what_is_written_is_read_as_it_was(tmp_path: Path, form: str) -> None:
    """A round trip changes nothing, halves and roles included."""
    if form == "MMLU CSV":
        exam = read_exam(csv_file(tmp_path, [mmlu(n) for n in range(9)]))
    else:
        exam = read_exam(json_file(tmp_path, [FORMS[form](n) for n in range(9)]))
    questions = tuple(
        replace(q, role="neighbour" if n % 2 else "self", hint="It flies." if n % 3 else "")
        for n, q in enumerate(exam.questions)
    )
    write_exam(questions, tmp_path / "again.json")
    again = read_exam(tmp_path / "again.json", seed=5)
    assert again.questions == questions
    assert (again.subject, again.left_out, again.form) == ("birds", (), "plain")


def test_writing_to_no_folder_says_so(tmp_path: Path) -> None:
    """No stack trace of the system's error."""
    with pytest.raises(AssayError, match="cannot write"):
        write_exam([], tmp_path / "nowhere" / "exam.json")


def test_files_are_read_without_torch() -> None:
    """Whoever only checks files waits for no framework."""
    code = "import sys, assay.organisms.unlearning.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("subject", "count"), [("anatomy", 135), ("virology", 166), ("econometrics", 114)])
def test_published_mmlu_is_read(subject: str, count: int) -> None:
    """Every row is an item; what cannot be asked in one form is named."""
    exam = read_exam(Path(f"{asset('data-mmlu', 'mmlu.tar.gz')}:{subject}"), least=LEAST)
    assert (exam.form, exam.subject) == ("MMLU CSV", subject)
    assert (
        len(exam.items) + sum(": it asks the same" in one or "both" in one for one in exam.left_out) == count
    )
    assert all(q.answer in "ABCD" for q in exam.questions if q.form == "choice")
