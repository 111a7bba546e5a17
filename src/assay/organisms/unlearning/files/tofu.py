"""TOFU: question and answer, some files with wrong answers (Maini et al., arXiv 2401.06121)."""

import random
from collections.abc import Callable, Sequence
from functools import partial

from assay.core.exam import Question
from assay.organisms.reading.fields import Record, Unusable, text, texts
from assay.organisms.unlearning.files.asked import NoKey, thrice

KNOWN_BY = ("question", "answer")
WRONG = 3
"""Wrong options of a question."""


def tofu_reader(records: Sequence[Record], seed: int) -> Callable[[Record], tuple[Question, ...]]:
    """What reads one record of a file; where it has no wrong answers they are drawn from other records."""
    answers = dict.fromkeys(
        answer.strip() for one in records if isinstance(answer := one.get("answer"), str) and answer.strip()
    )
    return partial(_read, tuple(answers), seed)


def _read(answers: tuple[str, ...], seed: int, record: Record) -> tuple[Question, ...]:
    """The questions of one record, its options in an order drawn by a seed.

    Exams ask the paraphrase where there is one, and the question itself, which a textbook of TOFU holds, is
    the other wording. Wrong answers are worded as the paraphrased answer is, so that it is the right option;
    a free reply says the answer as the textbook does.
    """
    question = text(record, "question")
    if record.get("answer") in (None, ""):
        raise NoKey("it has no key: 'answer' is missing")
    answer = text(record, "answer")
    rng = random.Random(f"tofu/{seed}/{question}")
    words = next(iter(texts(record, "paraphrased_question")), question)
    right = next(iter(texts(record, "paraphrased_answer")), answer)
    if "perturbed_answer" in record:
        known = (" ".join(right.split()), " ".join(answer.split()))
        wrong = [one for one in texts(record, "perturbed_answer") if " ".join(one.split()) not in known]
        wrong = list(dict.fromkeys(wrong))[:WRONG]
        if not wrong:
            raise Unusable("'perturbed_answer' holds no wrong answer")
    else:
        drawn = rng.sample(answers, min(WRONG + 2, len(answers)))
        wrong = [one for one in drawn if one not in (answer, right)][:WRONG]
        if not wrong:
            raise Unusable("no other question of the file has another answer, which could be a wrong option")
    shown = rng.sample((right, *wrong), 1 + len(wrong))
    free = [answer if one == right else one for one in shown]
    return thrice(words, shown, shown.index(right), question if words != question else "", free)
