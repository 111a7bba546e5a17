"""Asks in another wording than the exams'."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from assay.core.errors import NotApplicable
from assay.core.exam import Attacked, Attempt, Question, Recovery, Sheet
from assay.techniques.sitting import sit


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:  # noqa: ARG001
    """One try.

    Raises:
        NotApplicable: no question has another wording.
    """
    if not any(question.other for question in attacked.known):
        raise NotApplicable(
            "the questions on this book come in one wording only; give some an 'other' wording"
        )
    served = attacked.served
    yield Attempt({"wording": "other"}, lambda questions: asked(served, questions))


def asked(served: Any, questions: Sequence[Question]) -> Sheet:
    """The marks of a model that is asked in the other wording, where there is one."""
    return sit(
        served, [replace(question, prompt=question.other or question.prompt) for question in questions]
    )


RECOVERY = Recovery(
    title="Another wording",
    source="Thaker et al. 2024, Position: LLM unlearning benchmarks are weak measures of progress, "
    "arXiv 2410.02879; Lynch et al. 2024, arXiv 2402.16835",
    formula="argmax over options of log p(option | the same question in a wording that no exam uses)",
    does="Asks every question in another wording.",
    through="front",
    attempts=attempts,
    quick=True,
)
