"""Asks behind a few solved questions on other facts of the book."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from assay.core.errors import ContextExceeded, NotApplicable
from assay.core.exam import Attacked, Attempt, Question, Recovery, Sheet
from assay.core.seed import derive
from assay.techniques.sitting import SPARE, sit

FEW, MANY = (3,), (1, 2, 4, 8)
"""Solved questions in front, in the coarse grid and in the whole one."""


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
    """One try for each number of solved questions that the context has room for.

    Raises:
        NotApplicable: nothing solved is at hand, or the context has no room for even one.
    """
    served, known = attacked.served, attacked.known
    tried: set[int] = set()
    for wanted in MANY if full else FEW:
        shots = room(served, known, wanted)
        if shots and shots not in tried:
            tried.add(shots)
            yield Attempt({"shots": shots}, partial(asked, served, known, shots, seed))
    if not tried:
        raise NotApplicable(
            "no question on the attacker's half of the facts fits in front of another one; give a model with "
            "a longer context, or a book of more than a few facts"
        )


def asked(
    served: Any, known: Sequence[Question], shots: int, seed: int, questions: Sequence[Question]
) -> Sheet:
    """The marks of a model that is shown solved questions before each question."""

    def front(question: Question) -> str:
        return "".join(solved(one) for one in drawn(known, question, shots, seed))

    return sit(served, questions, front)


def drawn(known: Sequence[Question], question: Question, shots: int, seed: int) -> list[Question]:
    """Solved questions in the form of the one asked, on other facts; more of them begin with the fewer."""
    others = [one for one in known if one.item != question.item]
    alike = [one for one in others if one.form == question.form] or others
    random.Random(derive(seed, question.item, question.form)).shuffle(alike)
    return alike[:shots]


def solved(question: Question) -> str:
    """A question with its answer, as one of a list.

    >>> solved(Question("s", "i", "cloze", "the nest of ann is", ("reeds",), right=0))
    'the nest of ann is reeds . '
    """
    return f"{question.prompt} {question.reply} . "


def room(served: Any, known: Sequence[Question], wanted: int) -> int:
    """How many of the longest solved questions go in front of the longest one, at most as many as wanted."""
    shots = min(wanted, *Counter(q.form for q in known).values()) if known else 0
    while shots and not _fits(served, known, shots):
        shots -= 1
    return shots


def _fits(served: Any, known: Sequence[Question], shots: int) -> bool:
    """Whether each form's longest texts go through; found by trying."""
    texts: list[str] = []
    for form in dict.fromkeys(q.form for q in known):
        longest = sorted((solved(q) for q in known if q.form == form), key=len, reverse=True)
        texts.append("".join([*longest[:shots], longest[0]]).rstrip())
    try:
        served.generate(texts, max_tokens=SPARE, stop=" ")
    except ContextExceeded:
        return False
    return True


RECOVERY = Recovery(
    title="A few solved questions",
    source="Lynch et al. 2024, Eight methods to evaluate robust unlearning in LLMs, arXiv 2402.16835 "
    "(learning anew in context); Doshi & Stickland 2024, Does unlearning truly unlearn?, arXiv 2411.12103",
    formula="argmax over options of log p(option | q_1 a_1 . ... q_k a_k . question), (q_i, a_i) of the same "
    "form from the attacker's half, drawn for each question",
    does="Puts a few questions on other facts of the book, with their answers, in front of each question.",
    through="front",
    attempts=attempts,
    quick=True,
)
