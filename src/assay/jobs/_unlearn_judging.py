"""The exams that follow unlearning: sat as the model is, and after every way of getting knowledge back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from assay.core import Change
from assay.core.errors import NotApplicable
from assay.core.exam import FORMS, ROLES, Attacked, Attempt, Curriculum, Question, Recovery, Sheet
from assay.core.seed import derive
from assay.techniques.sitting import sit

COLUMNS = ("asked", "preferred", "said", "chance")
"""Of each item and form: questions; credit for preferring the right option; replies that say it; what
guessing among the options would earn."""
SUSPECTS = ("self", "twin")
"""Roles that every try of a recovery is asked about; the others sit the worst try alone."""
Marks = Float[np.ndarray, "items columns"]


@dataclass(frozen=True)
class Try:
    """One try of a recovery with its marks on the book and its control twins."""

    attempt: Attempt
    marks: Mapping[str, Marks]
    credit: float
    """Mean credit on the book."""


@dataclass(frozen=True)
class Recovered:
    """All tries of a recovery, and everybody's marks at the worst of them."""

    tries: tuple[Try, ...]
    worst: Try
    marks: Mapping[str, Marks]
    """Form -> marks of all roles at the worst try."""

    @property
    def course(self) -> tuple[Try, ...]:
        """The tries on the worst one's course, from its beginning."""
        same = [t for t in self.tries if t.attempt.course == self.worst.attempt.course]
        return tuple(sorted(same, key=lambda t: t.attempt.x)) if self.worst.attempt.course else (self.worst,)


class Examiner:
    """Sets the exams of one book; the handle is on nobody's bill."""

    def __init__(self, handle: Any, book: Curriculum) -> None:
        self._handle, self._book = handle, book
        self._questions = book.asked(*ROLES)
        self.items = tuple(dict.fromkeys(q.item for q in self._questions))
        self._rows = {item: row for row, item in enumerate(self.items)}

    @property
    def roles(self) -> Float[np.ndarray, "items roles"]:
        """Which role each item has."""
        return self._onehot([q.role for q in self._questions], list(ROLES))

    def of(self, roles: Sequence[str]) -> Bool[np.ndarray, " items"]:
        """Which items have one of some roles."""
        return self.roles[:, [ROLES.index(role) for role in ROLES if role in roles]].sum(axis=1) > 0

    @property
    def subjects(self) -> Float[np.ndarray, "items subjects"]:
        """Which exam each item belongs to, in the order of the card; control twins belong to none."""
        names = subjects(self._book)
        return self._onehot([q.subject if q.role != "twin" else "" for q in self._questions], names)

    def plain(self, change: Change) -> dict[str, Marks]:
        """Everybody's marks with no recovery at all."""
        return self._marked(lambda asked: sit(self._handle.changed(change), asked), self._questions)

    def recovered(
        self, change: Change, name: str, recovery: Recovery, *, everybody: bool = True
    ) -> Recovered:
        """Run a recovery with all of its tries; the other exams are sat at the worst of them, or not at all.

        Raises NotApplicable where it finds no hold.
        """
        seed = derive("recovery", name, self._book.subject)
        suspects = [q for q in self._questions if q.role in SUSPECTS]
        tries = tuple(
            Try(attempt, marks, _credit(marks, self.roles[:, 0]))
            for attempt in recovery.attempts(self._attacked(change), seed, self._book.full)
            for marks in (self._marked(attempt.sit, suspects),)
        )
        if not tries:
            raise NotApplicable(f"the recovery {name} made no try on this model")
        worst = max(tries, key=lambda one: one.credit)
        rest = [q for q in self._questions if q.role not in SUSPECTS] if everybody else []
        others = self._marked(worst.attempt.sit, rest)
        marks = {form: worst.marks[form] + others[form] for form in FORMS}
        return Recovered(tries, worst, marks)

    def damage(self, change: Change) -> Float[np.ndarray, "items 2"]:
        """How many unrelated texts stand in each row, and their loss above that of the model before."""
        texts = list(self._book.unrelated[: len(self.items)])
        before, after = (_losses(h, texts) for h in (self._handle, self._handle.changed(change)))
        found = np.zeros((len(self.items), 2))
        found[: len(texts), 0], found[: len(texts), 1] = 1.0, after - before
        return found

    def _attacked(self, change: Change) -> Attacked:
        book = self._book
        return Attacked(
            self._handle,
            change,
            known=book.asked("self", half="attacker"),
            documents=book.documents,
            ordinary=book.ordinary,
            books=book.retain,
        )

    def _marked(self, sitting: Any, questions: Sequence[Question]) -> dict[str, Marks]:
        sheet: Sheet = sitting(questions)
        found = {form: np.zeros((len(self.items), len(COLUMNS))) for form in FORMS}
        for question, (credit, said) in zip(questions, sheet, strict=True):
            found[question.form][self._rows[question.item]] += (1.0, credit, said, 1 / len(question.options))
        return found

    def _onehot(self, values: Sequence[str], names: Sequence[str]) -> Float[np.ndarray, "items names"]:
        found = np.zeros((len(self.items), len(names)))
        for question, value in zip(self._questions, values, strict=True):
            if value in names:
                found[self._rows[question.item], names.index(value)] = 1.0
        return found


def subjects(book: Curriculum) -> list[str]:
    """The exams in the order of the grid's columns: the book's own first."""
    return list(dict.fromkeys((book.subject, *(q.subject for q in book.questions if q.role != "twin"))))


def stored(recovered: Recovered, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of a recovery: marks at the worst try, and the course that it lies on."""
    for form, marks in recovered.marks.items():
        yield f"document_{name}_{form}", marks
    course = recovered.course
    asked = sum(course[0].marks[form][:, 0] for form in FORMS)
    earned = [sum(one.marks[form][:, 1] for form in FORMS) for one in course]
    yield f"document_{name}_course", np.stack([asked, *earned], axis=1)
    yield f"course_{name}", np.array([t.attempt.x for t in course], dtype=float)


def _credit(marks: Mapping[str, Marks], role: Float[np.ndarray, " items"]) -> float:
    asked = sum(float(marks[form][:, 0] @ role) for form in FORMS)
    return sum(float(marks[form][:, 1] @ role) for form in FORMS) / asked if asked else 0.0


def _losses(handle: Any, texts: Sequence[str]) -> Float[np.ndarray, " n"]:
    return np.array([-float(row.mean()) if len(row) else 0.0 for row in handle.token_logprobs(list(texts))])
