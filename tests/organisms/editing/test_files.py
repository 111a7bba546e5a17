"""Files of edits: every known form is read, and whatever is not used is named with its reason."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.core.edit import Edit, EditCase, Probe
from assay.core.errors import AssayError, BadOption
from assay.organisms.editing.files import read_cases, write_cases
from assay.world import World
from assay.world.edit_cases import edit_cases

Entry = dict[str, Any]


def counterfact(number: int) -> Entry:
    """A record with the fields of CounterFact."""
    return {
        "case_id": number,
        "requested_rewrite": {
            "prompt": "The mother tongue of {} is",
            "relation_id": "P103",
            "target_new": {"str": "English", "id": "Q1860"},
            "target_true": {"str": "French", "id": "Q150"},
            "subject": f"Person {number}",
        },
        "paraphrase_prompts": [
            f"It rained. Person {number}, a native",
            f"Person {number} spoke the language",
        ],
        "neighborhood_prompts": ["The mother tongue of Leon Blum is", "Jean Gabin is a native speaker of"],
        "generation_prompts": [f"Person {number} was born in"],
    }


def zsre(number: int) -> Entry:
    """A record with the fields of zsRE as MEND wrote it."""
    return {
        "subject": f"Person {number}",
        "src": f"What university did Person {number} attend?",
        "pred": "Trinity College",
        "rephrase": f"Which university did Person {number} go to?",
        "alt": "University of Michigan",
        "answers": ["Illinois Institute of Technology", "IIT"],
        "loc": "nq question: who played desmond doss father in hacksaw ridge",
        "loc_ans": "Hugo Weaving",
        "cond": "",
    }


def easyedit(number: int) -> Entry:
    """A record with the fields of KnowEdit."""
    return {
        "subject": f"Person {number}",
        "prompt": f"The name of the country Person {number} lives in is",
        "target_new": "Italy",
        "ground_truth": ["France"],
        "rephrase_prompt": f"Person {number} lives in the country of",
        "locality": {
            "Relation_Specificity": [
                {"prompt": f"The gender of Person {number} is", "ground_truth": [["male", "man"]]},
                {"prompt": "The name of the country Ann lives in is", "ground_truth": [["France"]]},
            ],
            "Forgetfulness": [{"prompt": "nobody knows", "ground_truth": []}],
        },
        "portability": {
            "Reasoning": [
                {
                    "prompt": f"The capital of the country Person {number} lives in is",
                    "ground_truth": [["Rome"]],
                }
            ]
        },
    }


def plain(number: int) -> Entry:
    """The least that our own form needs."""
    subject = f"Person {number}"
    return {"edit": {"prompt": f"{subject} was born in", "subject": subject, "old": "Rome", "new": "Paris"}}


FORMS = {"CounterFact": counterfact, "zsRE": zsre, "EasyEdit": easyedit, "plain": plain}


def _written(folder: Path, entries: Sequence[object], lines: bool = False) -> Path:
    path = folder / "edits.json"
    path.write_text("\n".join(map(json.dumps, entries)) if lines else json.dumps(entries), encoding="utf-8")
    return path


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_recognised(tmp_path: Path, form: str, lines: bool) -> None:
    """As a list or as lines, twelve sound records give twelve cases, every sixth for tuning."""
    loaded = read_cases(_written(tmp_path, [FORMS[form](number) for number in range(12)], lines))
    assert loaded.form == form
    assert loaded.left_out == ()
    assert [case.split for case in loaded.cases] == (["report"] * 5 + ["select"]) * 2
    for number, case in enumerate(loaded.cases):
        edit = case.edit
        assert edit.subject == f"Person {number}"
        assert edit.subject in edit.prompt
        assert case.probes[0] == Probe("efficacy", edit.prompt, edit.new, edit.old)
        assert all(edit.subject in text and edit.old in text for text in edit.documents)


def _first(folder: Path, make: Callable[[int], Entry], **changes: object) -> EditCase:
    entries = [make(number) for number in range(12)]
    entries[0] |= changes
    return read_cases(_written(folder, entries)).cases[0]


def test_counterfact_neighbours_keep_the_true_target(tmp_path: Path) -> None:
    """The subject is put into the prompt; paraphrases want the new target, neighbours the true one."""
    case = _first(tmp_path, counterfact)
    assert case.edit.prompt == "The mother tongue of Person 0 is"
    assert (case.edit.old, case.edit.new, case.edit.relation) == ("French", "English", "P103")
    assert [(p.kind, p.right, p.wrong) for p in case.probes[1:]] == [
        ("paraphrase", "English", "French"),
        ("paraphrase", "English", "French"),
        ("neighbourhood", "French", "English"),
        ("neighbourhood", "French", "English"),
    ]


def test_zsre_goes_from_the_answer_to_the_alternative(tmp_path: Path) -> None:
    """The unrelated question loses its prefix and gets its mark."""
    case = _first(tmp_path, zsre)
    assert (case.edit.old, case.edit.new) == ("Illinois Institute of Technology", "University of Michigan")
    assert case.probes[2] == Probe(
        "neighbourhood",
        "who played desmond doss father in hacksaw ridge?",
        "Hugo Weaving",
        "University of Michigan",
    )


def test_zsre_without_an_alternative_corrects_what_the_model_says(tmp_path: Path) -> None:
    """As ROME uses it: from the prediction to the first answer."""
    entries = [zsre(number) for number in range(12)]
    for entry in entries:
        del entry["alt"]
    edit = read_cases(_written(tmp_path, entries)).cases[0].edit
    assert (edit.old, edit.new) == ("Trinity College", "Illinois Institute of Technology")


def test_easyedit_locality_is_told_apart_by_the_subject(tmp_path: Path) -> None:
    """A question that names the subject is on another relation of it; unanswered questions are not asked."""
    case = _first(tmp_path, easyedit)
    assert [(p.kind, p.right, p.wrong) for p in case.probes] == [
        ("efficacy", "Italy", "France"),
        ("paraphrase", "Italy", "France"),
        ("same_subject", "male", "Italy"),
        ("neighbourhood", "France", "Italy"),
        ("portability", "Rome", "France"),
    ]


def test_easyedit_in_its_older_fields(tmp_path: Path) -> None:
    """Single locality fields and the questions written for portability are read too."""
    case = _first(
        tmp_path,
        easyedit,
        locality=None,
        locality_prompt="nq question: who wrote the iliad",
        locality_ground_truth="Homer",
        portability={
            "Recalled Relation": "(a, b)",
            "New Question": "Which sea is near?",
            "New Answer": "Ionian",
        },
    )
    assert case.probes[2:] == (
        Probe("neighbourhood", "who wrote the iliad?", "Homer", "Italy"),
        Probe("portability", "Which sea is near?", "Ionian", "France"),
    )


def test_many_questions_in_one_group_keep_their_own_answers(tmp_path: Path) -> None:
    """Of several questions each goes with the first of its answers."""
    groups = {
        "neighborhood": {"prompt": ["Ann lives in", "Bo lives in"], "ground_truth": [["Bonn", "B"], "Ulm"]}
    }
    case = _first(tmp_path, easyedit, locality=groups, portability=None)
    assert [(p.prompt, p.right) for p in case.probes[2:]] == [
        ("Ann lives in", "Bonn"),
        ("Bo lives in", "Ulm"),
    ]


def test_plain_cases_come_back_as_they_were_written(tmp_path: Path, world: World) -> None:
    """A round trip changes nothing, splits and documents included."""
    cases = edit_cases(world, "people")
    write_cases(cases, tmp_path / "cases.json")
    loaded = read_cases(tmp_path / "cases.json")
    assert loaded.cases == cases
    assert loaded.left_out == ()


@pytest.fixture(scope="module")
def world() -> World:
    """The world of seed 0."""
    return World(0)


def test_writing_to_no_folder_says_so(tmp_path: Path) -> None:
    """No stack trace of the system's error."""
    with pytest.raises(AssayError, match="cannot write"):
        write_cases([], tmp_path / "nowhere" / "cases.json")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("[]", "the list is empty"),
        ("{not json", "neither a JSON list nor one JSON object a line"),
        ('{"a": 1}\n{"b": ', "line 2"),
        (
            '[{"question": "x", "reply": "y"}]',
            "case 1 has the fields question, reply.*CounterFact.*zsRE.*EasyEdit",
        ),
        ("[1, 2]", "case 1 has no object but int"),
        ("7", "unknown form"),
    ],
)
def test_a_file_that_holds_no_edits_is_refused(tmp_path: Path, content: str, says: str) -> None:
    """The error says what was found, and which forms are known."""
    path = tmp_path / "edits.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadOption, match=says):
        read_cases(path)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("junk", [None, 0, True, "", "x", [], [1], {}, [[]], {"prompt": 1}, [{"prompt": {}}]])
def test_no_value_of_a_field_breaks_the_reader(tmp_path: Path, form: str, junk: object) -> None:
    """Whatever stands in a field, the other cases are read."""
    bad: list[Entry] = []
    for key in FORMS[form](0):
        bad.append(FORMS[form](len(bad) + 100) | {key: junk})
    good = [FORMS[form](number) for number in range(12)]
    loaded = read_cases(_written(tmp_path, [*good, *bad]))
    assert {case.edit.subject for case in loaded.cases} >= {f"Person {number}" for number in range(12)}


def test_a_path_that_is_no_text_file_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and a binary file are each named."""
    with pytest.raises(BadOption, match="no such file"):
        read_cases(tmp_path / "absent.json")
    with pytest.raises(BadOption, match="cannot be read as text"):
        read_cases(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BadOption, match="cannot be read as text"):
        read_cases(tmp_path / "binary")


def _rewrite(number: int, **changes: object) -> Entry:
    entry = counterfact(number)
    entry["requested_rewrite"] |= changes
    return entry


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (
            _rewrite(0, prompt="His mother tongue is"),
            "the prompt 'His mother tongue is' has no '{}' for the subject",
        ),
        (_rewrite(0, target_new={"str": " French"}), "the old and the new value are both 'French'"),
        (_rewrite(0, target_new={"str": " "}), "'requested_rewrite.target_new.str' is empty"),
        (_rewrite(0, subject=None), "'requested_rewrite.subject' is missing"),
        (_rewrite(0, subject=7), "'requested_rewrite.subject' is not a text"),
        (
            counterfact(0) | {"paraphrase_prompts": {"a": 1}},
            "'paraphrase_prompts' is neither a text nor a list",
        ),
        (["requested_rewrite"], "it is no JSON object but list"),
        (counterfact(3), "it is the same edit as case 4"),
        (
            _rewrite(3, target_new={"str": "Dutch"}),
            "it contradicts case 4: 'Person 3/P103' becomes 'Dutch' here and 'English' there; case 4 is kept",
        ),
    ],
)
def test_a_case_that_cannot_be_used_is_named(tmp_path: Path, entry: object, says: str) -> None:
    """The others are kept; the sentence has the number of the case, counted from 1, and the reason."""
    good: list[object] = [counterfact(number) for number in range(12)]
    loaded = read_cases(_written(tmp_path, [*good, entry]))
    assert len(loaded.cases) == 12
    assert len(loaded.left_out) == 1
    assert loaded.left_out[0].startswith(f"case 13: {says}")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"src": "What university did he attend?"},
            "the subject 'Person 0' is not in the prompt 'What university",
        ),
        ({"answers": []}, "'answers' is empty"),
        ({"loc_ans": ""}, "'loc_ans' is empty"),
    ],
)
def test_a_question_that_cannot_be_used_is_named(tmp_path: Path, changes: Entry, says: str) -> None:
    """The same for zsRE."""
    entries = [zsre(0) | changes, *(zsre(number) for number in range(1, 13))]
    loaded = read_cases(_written(tmp_path, entries))
    assert len(loaded.cases) == 12
    assert loaded.left_out[0].startswith(f"case 1: {says}")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"split": "test"}, "the split 'test' is neither 'select' nor 'report'"),
        (
            {"probes": [{"kind": "recall", "prompt": "a", "right": "b", "wrong": "c"}]},
            "probe 1 is of the kind 'recall'",
        ),
        ({"probes": [{"kind": "efficacy", "prompt": "a", "right": "b"}]}, "probe 1: 'wrong' is missing"),
        ({"edit": {"prompt": "a", "subject": "a", "old": "b"}}, "'new' is missing"),
        ({"edit": None}, "'prompt' is missing"),
        (
            {"edit": {**plain(0)["edit"], "documents": ["Someone was born in Rome."]}},
            "the document 'Someone was born in Rome.' does not hold both 'Person 0' and 'Rome'",
        ),
    ],
)
def test_a_plain_case_that_cannot_be_used_is_named(tmp_path: Path, changes: Entry, says: str) -> None:
    """The same for our own form."""
    entries = [plain(0) | changes, *(plain(number) for number in range(1, 13))]
    loaded = read_cases(_written(tmp_path, entries))
    assert len(loaded.cases) == 12
    assert loaded.left_out[0].startswith(f"case 1: {says}")


def test_a_question_with_one_answer_for_right_and_wrong_is_not_asked(tmp_path: Path) -> None:
    """The case is kept, the question is named; the same prompt is asked once."""
    probe = {"kind": "neighbourhood", "prompt": "Bo was born in", "right": "Rome", "wrong": "Paris"}
    probes = [probe, probe, {"kind": "portability", "prompt": "It lies in", "right": "Gaul", "wrong": "Gaul"}]
    entries = [plain(0) | {"probes": probes}, *(plain(number) for number in range(1, 12))]
    loaded = read_cases(_written(tmp_path, entries))
    assert [p.kind for p in loaded.cases[0].probes] == ["efficacy", "neighbourhood"]
    assert loaded.left_out == (
        "case 1: the portability question 'It lies in' is not asked, as its right and its wrong answer "
        "are both 'Gaul'",
    )


def test_too_few_cases_are_refused(tmp_path: Path) -> None:
    """Each split needs two; the error counts them, says what to give, and why cases were left out."""
    entries = [counterfact(number) for number in range(11)]
    with pytest.raises(BadOption, match=r"11 cases can be used, 1 of them for tuning.*give 12 cases"):
        read_cases(_written(tmp_path, entries))
    with pytest.raises(BadOption, match=r"left out: case 12: it is the same edit as case 1"):
        read_cases(_written(tmp_path, [*entries, counterfact(0)]))


def test_four_plain_cases_with_named_splits_are_enough(tmp_path: Path) -> None:
    """Who names the splits needs no twelve cases."""
    cases = tuple(
        EditCase(
            Edit(f"P{n} was born in", f"P{n}", "Rome", "Paris", "", (f"P{n} was born in Rome.",)),
            (Probe("efficacy", f"P{n} was born in", "Paris", "Rome"),),
            "select" if n < 2 else "report",
        )
        for n in range(4)
    )
    write_cases(cases, tmp_path / "cases.json")
    assert read_cases(tmp_path / "cases.json").cases == cases
