"""Exams as people write them, for the tests of this folder."""

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.core.exam import Question
from assay.organisms.unlearning.files import Exam

ASSETS = Path(os.environ.get("ASSAY_ASSETS", Path(__file__).parents[4] / "shared" / "assets"))
Entry = dict[str, Any]
COLOURS = ("red", "blue", "green", "black")


def mmlu(number: int) -> list[str]:
    """A row of MMLU."""
    return [f"What colour has bird {number}?", *COLOURS, "ABCD"[number % 4]]


def wmdp(number: int) -> Entry:
    """A record with the fields of WMDP."""
    return {"question": f"What colour has bird {number}?", "choices": list(COLOURS), "answer": number % 4}


def plain(number: int) -> Entry:
    """The least that our own form needs."""
    return {
        "prompt": f"What colour has bird {number}?",
        "options": list(COLOURS),
        "answer": COLOURS[number % 4],
    }


def tofu(number: int) -> Entry:
    """A record of TOFU without wrong answers."""
    return {
        "question": f"Where does author {number} live?",
        "answer": f"Author {number} lives in town {number}.",
    }


def perturbed(number: int) -> Entry:
    """A record of TOFU with wrong answers and paraphrases."""
    wrong = [f"The home of author {number} is village {k}." for k in range(5)]
    return tofu(number) | {
        "paraphrased_question": f"In which place is author {number} at home?",
        "paraphrased_answer": f"The home of author {number} is town {number}.",
        "perturbed_answer": wrong,
    }


FORMS = {"WMDP": wmdp, "plain": plain, "TOFU": perturbed}


def csv_file(folder: Path, rows: Sequence[Sequence[str]], name: str = "birds_test.csv") -> Path:
    """Rows written to a CSV file."""
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / name


def json_file(folder: Path, entries: Sequence[object], lines: bool = False, name: str = "birds.json") -> Path:
    """Entries written as a JSON list, or as one object a line."""
    path = folder / name
    path.write_text("\n".join(map(json.dumps, entries)) if lines else json.dumps(entries), encoding="utf-8")
    return path


def asked(exam: Exam, item: object) -> dict[str, Question]:
    """The questions of one item by their form."""
    return {q.form: q for q in exam.questions if q.item == f"{exam.subject}/{item}"}


def asset(*path: str) -> Path:
    """A published file; without it the test is skipped."""
    file = ASSETS.joinpath(*path)
    if not file.is_file():
        pytest.skip(f"{file} is absent; set ASSAY_ASSETS to the folder that holds it")
    return file
