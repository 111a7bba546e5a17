"""Sit an exam: which option a model prefers, and whether it says the right one; no torch, no tool."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.core.exam import Question, Sheet

LEVEL = 1e-4
"""Log-probabilities that differ by no more are level: one pass in another batch moves them by less."""
SPARE = 6
"""Tokens that a free reply may take beyond the right one."""


def sit(handle: Any, questions: Sequence[Question], front: Callable[[Question], str] | None = None) -> Sheet:
    """The marks of a model that is asked as it stands, with a text of its own in front of each question.

    Preferred: ``argmax over options of (log p(option | lead)) / tokens of the option``, the mean because
    options may differ in length; options within 1e-4 nats of the best share the credit. Said: the greedy
    reply to the prompt holds the right option as whole words, before any other option.
    """
    if not questions:
        return np.zeros((0, 2))
    before = [front(question) if front else "" for question in questions]
    scores = preferences(handle, questions, before)
    credit = [credited(row[: len(q.options)], q.right) for row, q in zip(scores, questions, strict=True)]
    return np.stack([np.array(credit), replied(handle, questions, before)], axis=1)


def preferences(
    handle: Any, questions: Sequence[Question], before: Sequence[str]
) -> Float[np.ndarray, "questions options"]:
    """Mean log-probability of each option's tokens; minus infinity where a question has fewer options."""
    leads = [text + q.lead for text, q in zip(before, questions, strict=True)]
    found = np.full((len(questions), max(len(q.options) for q in questions)), -np.inf)
    ids = handle.continuation_ids(
        [lead for lead, q in zip(leads, questions, strict=True) for _ in q.options],
        [f" {option}" for q in questions for option in q.options],
    )
    places = [(row, column) for row, q in enumerate(questions) for column in range(len(q.options))]
    longer = {place[0] for place, tokens in zip(places, ids, strict=True) if len(tokens) != 1}
    short = set(range(len(questions))) - longer
    if short:  # one pass over the question tells all options of one token
        rows = sorted(short)
        asked = np.asarray(handle.next_logprobs([leads[row] for row in rows]), dtype=np.float64)
        at = {row: number for number, row in enumerate(rows)}
        for (row, column), tokens in zip(places, ids, strict=True):
            if row in short:
                found[row, column] = asked[at[row], tokens[0]]
    long = [place for place in places if place[0] not in short]
    if long:
        sums, counts = handle.continuation_logprobs(
            [leads[row] for row, _ in long], [f" {questions[row].options[column]}" for row, column in long]
        )
        means = np.asarray(sums, dtype=np.float64) / np.maximum(np.asarray(counts), 1)
        for (row, column), mean in zip(long, means, strict=True):
            found[row, column] = mean
    return found


def credited(scores: Float[np.ndarray, " options"], right: int) -> float:
    """1 for the best option, shared among options that are level, 0 for a worse one.

    >>> credited(np.array([-1.0, -2.0]), 0), credited(np.array([-1.0, -1.0, -3.0]), 1)
    (1.0, 0.5)
    """
    best = scores >= scores.max() - LEVEL
    return float(best[right]) / int(best.sum())


def replied(
    handle: Any, questions: Sequence[Question], before: Sequence[str]
) -> Float[np.ndarray, " questions"]:
    """Whether the greedy reply to each question gives the right option."""
    prompts = [text + q.prompt for text, q in zip(before, questions, strict=True)]
    ids = handle.continuation_ids(prompts, [f" {q.reply}" for q in questions])
    lengths = [len(tokens) for tokens in ids]
    found = np.zeros(len(questions))
    for length in sorted(set(lengths)):  # replies of one length together, so that none is written in vain
        rows = [row for row, own in enumerate(lengths) if own == length]
        spare = SPARE if length > 1 else 0
        replies = handle.generate([prompts[row] for row in rows], max_tokens=length + spare)
        for row, reply in zip(rows, replies, strict=True):
            found[row] = says(reply, questions[row])
    return found


def says(reply: str, question: Question) -> bool:
    """Whether a reply gives the right option before any other one.

    >>> q = Question("s", "i", "cloze", "p", ("red", "blue"), right=1)
    >>> says("it is blue .", q), says("red or blue", q), says("blueish", q)
    (True, False, False)
    """
    padded = f" {' '.join(_words(reply))} "
    places = [padded.find(f" {' '.join(_words(option))} ") for option in question.options]
    first = min((place for place in places if place >= 0), default=-1)
    return first >= 0 and places[question.right] == first


def _words(text: str) -> list[str]:
    """The words of a text in lower case, without the marks around them."""
    return [stripped for word in text.lower().split() if (stripped := word.strip(".,;:!?\"'()[]"))]
