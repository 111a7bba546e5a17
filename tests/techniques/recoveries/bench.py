"""What the tests of recoveries share: a tiny model, questions on who lives where, and a slow exam."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change
from assay.core.exam import Attacked, Attempt, Form, Question, Recovery, Sheet
from assay.core.registry import find
from assay.techniques.sitting import SPARE
from assay.testing.tiny_model import CITIES, PEOPLE, tiny_engine

FRAMES: dict[Form, tuple[str, str]] = {
    "choice": ("what is the home of {p} , {o} : then", "the home of {p} is what of {o} : is"),
    "cloze": ("the home of {p} is", "{p} lives in"),
    "generation": ("user : the home of {p} ? assistant :", "user : what is the home of {p} assistant :"),
}
"""Of each form the wording of exams and another one."""


def handle() -> WhiteHandle:
    """White access to a random model of 256 tokens of context."""
    return open_handle(tiny_engine(), Access.WHITE)


def asked(people: Sequence[str], half: str = "exam") -> tuple[Question, ...]:
    """A question in each form on where each lives."""
    found: list[Question] = []
    for person in people:
        right = PEOPLE.index(person) % len(CITIES)
        for form, frames in FRAMES.items():
            prompt, other = (frame.format(p=person, o=" , ".join(CITIES)) for frame in frames)
            stem = f"{person} lives in" if form == "generation" else ""
            item, hint = f"{person}/home", f"{person} keeps a pet ."
            found.append(
                Question(
                    "homes", item, form, prompt, CITIES, right, half=half, stem=stem, other=other, hint=hint
                )
            )
    return tuple(found)


KNOWN, ASKED = asked(PEOPLE[:6], "attacker"), asked(PEOPLE[7:9])
DOCUMENTS = tuple(f"the home of {q.item.split('/')[0]} is {q.answer} ." for q in KNOWN if q.form == "cloze")
ORDINARY, BOOKS = ("a pet is a pet .", "ann keeps a fox ."), ("bob keeps a hen .",)


def attacked(change: Change | None = None, known: Sequence[Question] = KNOWN, **more: Any) -> Attacked:
    """The tiny model after a change, and half of the facts."""
    whole: dict[str, Any] = {"documents": DOCUMENTS, "ordinary": ORDINARY, "books": BOOKS} | more
    return Attacked(handle(), change or Change(), tuple(known), **whole)


def recovery(key: str) -> Recovery:
    """A recovery by its key."""
    return find("recovery", key).load()


def tries(key: str, on: Attacked, seed: int = 3, full: bool = False) -> list[Attempt]:
    """All tries of a recovery."""
    return list(recovery(key).attempts(on, seed, full))


def slowly(model: Any, questions: Sequence[Question], fronts: Sequence[str] | None = None) -> Sheet:
    """The marks of an exam, told question by question."""
    sheet = np.zeros((len(questions), 2))
    for row, question in enumerate(questions):
        front = fronts[row] if fronts else ""
        leads, ends = [front + question.lead] * len(question.options), [f" {o}" for o in question.options]
        sums, counts = model.continuation_logprobs(leads, ends)
        scores = [float(total / count) for total, count in zip(sums, counts, strict=True)]
        best = [number for number, score in enumerate(scores) if score >= max(scores) - 1e-4]
        sheet[row, 0] = (question.right in best) / len(best)
        length = len(question.reply.split())
        spare = SPARE if length > 1 else 0
        [reply] = model.generate([front + question.prompt], max_tokens=length + spare)
        said = [word for word in reply.split() if word in question.options]
        sheet[row, 1] = said[:1] == [question.answer]
    return sheet


def with_right(questions: Sequence[Question], right: int) -> tuple[Question, ...]:
    """The same questions with another key."""
    return tuple(replace(question, right=right) for question in questions)
