"""Asks behind true things about what is asked that do not tell the answer."""

from collections.abc import Iterator
from functools import partial

from assay.core.errors import NotApplicable
from assay.core.exam import Attacked, Attempt, Question, Recovery
from assay.techniques.sitting import sit


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:  # noqa: ARG001
    """One try.

    Raises:
        NotApplicable: no question has a hint.
    """
    if not any(question.hint for question in attacked.known):
        raise NotApplicable("no question on this book comes with a hint; give some a 'hint'")
    yield Attempt({"hint": True}, partial(sit, attacked.served, front=front))


def front(question: Question) -> str:
    """What stands in front of a question.

    >>> front(Question("s", "i", "cloze", "ann has", ("a",), right=0, hint="ann is in birdlore ."))
    'ann is in birdlore . '
    """
    return f"{question.hint} " if question.hint else ""


RECOVERY = Recovery(
    title="A hint",
    source="Lynch et al. 2024, Eight methods to evaluate robust unlearning in LLMs, arXiv 2402.16835 "
    "(prompts with a little true context)",
    formula="argmax over options of log p(option | true sentences that do not tell the answer, question)",
    does="Puts true things about what is asked, but not the answer, in front of each question.",
    through="front",
    attempts=attempts,
)
