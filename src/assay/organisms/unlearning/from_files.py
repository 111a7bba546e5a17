"""A user's own textbook with its exams, as the job sees them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from assay.core import Curriculum, Question
from assay.core.errors import BadOption
from assay.core.exam import ATTACKER
from assay.organisms.unlearning.files import LEAST, Exam, check_overlap, read_exam, read_textbook
from assay.organisms.unlearning.material import rest_of

MOST = 120
"""Facts of each other exam that are asked for."""
REFUSAL = "I do not know."
RETAIN = 240
"""Documents of ordinary text that must stay."""
UNRELATED = 60


def file_book(
    textbook: Path | None, exams: Sequence[Path], texts: Sequence[str]
) -> tuple[Curriculum, tuple[str, ...]]:
    """The book of a textbook: the first exam is on it, what the others ask must stay, and so must ``texts``.

    There is no model that was retrained without it, no control twin and no rule that the model is known to
    follow. Also returned is what the files hold that is not used.

    Raises:
        BadOption: a file is missing, cannot be read, is too short, or says the same as another.
    """
    if textbook is None or not exams:
        raise BadOption(
            "a book of your own needs --textbook FILE and at least one --exam FILE; the first exam is on the "
            "textbook, the others are on what must stay"
        )
    book = read_textbook(textbook)
    own, *others = (read_exam(file, least=LEAST if n == 0 else 1) for n, file in enumerate(exams))
    check_overlap(book, texts, own, others)
    third = len(texts) // 3
    retain, ordinary, unrelated = texts[:third], texts[third : 2 * third], texts[2 * third :]
    made = Curriculum(
        subject=own.subject,
        questions=(*own.questions, *(q for exam in others for q in _staying(exam))),
        forget=book.documents,
        forget_pairs=book.pairs,
        retain=tuple(retain[:RETAIN]),
        retain_pairs=rest_of(retain[:RETAIN]),
        ordinary=tuple(ordinary[:RETAIN]),
        unrelated=tuple(unrelated[:UNRELATED]),
        documents=_solved(own),
        refusal=REFUSAL,
    )
    notes = [f"{exam.subject}: {sentence}" for exam in (own, *others) for sentence in exam.left_out]
    return made, (*notes, *book.left_out)


def _staying(exam: Exam) -> tuple[Question, ...]:
    """Questions of an exam that has nothing to do with the book."""
    items = set(list(dict.fromkeys(q.item for q in exam.questions))[:MOST])
    return tuple(replace(q, role="rest") for q in exam.questions if q.item in items)


def _solved(exam: Exam) -> tuple[str, ...]:
    """The attacker's questions with their answers: which documents state them, files do not say."""
    mine = [q for q in exam.questions if q.half == ATTACKER and q.form != "choice"]
    return tuple(f"{q.prompt} {q.reply}" for q in mine)
