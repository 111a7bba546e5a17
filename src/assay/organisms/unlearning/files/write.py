"""Write exam questions in the plain form."""

import json
from collections.abc import Sequence
from pathlib import Path

from assay.core.errors import CannotWrite
from assay.core.exam import Question
from assay.organisms.reading.fields import Record


def write_exam(questions: Sequence[Question], path: Path) -> None:
    """Write the questions of one subject to a JSON file that ``read_exam`` reads back as they were.

    Raises:
        CannotWrite: the file cannot be written.
    """
    cases = [_case(question) for question in questions]
    try:
        path.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error.strerror}") from error


def _case(question: Question) -> Record:
    """The fields of a question; those that are empty are left out."""
    fields: Record = {
        "subject": question.subject,
        "item": question.item,
        "form": question.form,
        "prompt": question.prompt,
        "options": list(question.options),
        "answer": question.right,
        "half": question.half,
        "role": "" if question.role == "self" else question.role,
        "stem": question.stem,
        "other": question.other,
        "hint": question.hint,
    }
    return {key: value for key, value in fields.items() if value != ""}
