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
    leads = [text + q.lead for text, q in zip(before, questions, strict=True)]
    ids = _option_ids(handle, questions, leads)
    short = [row for row, options in enumerate(ids) if all(len(tokens) == 1 for tokens in options)]
    scores = np.full((len(questions), max(len(q.options) for q in questions)), -np.inf)
    said = np.full(len(questions), np.nan)
    if short:  # one pass over the question tells all options of one token, and such a reply
        likely = np.asarray(handle.next_logprobs([leads[row] for row in short]), dtype=np.float64)
        names = handle.vocabulary
        for row, values in zip(short, likely, strict=True):
            scores[row, : len(ids[row])] = [values[tokens[0]] for tokens in ids[row]]
            if not questions[row].stem:
                said[row] = says(names[int(values.argmax())], questions[row])
    long = [row for row in range(len(questions)) if row not in set(short)]
    for row, values in zip(long, _likelihoods(handle, questions, leads, long), strict=True):
        scores[row, : len(values)] = values
    credit = [credited(row[: len(q.options)], q.right) for row, q in zip(scores, questions, strict=True)]
    rest = [row for row in range(len(questions)) if np.isnan(said[row])]
    said[rest] = replied(handle, [questions[row] for row in rest], [before[row] for row in rest])
    return np.stack([np.array(credit), said], axis=1)


def _option_ids(handle: Any, questions: Sequence[Question], leads: Sequence[str]) -> list[list[list[int]]]:
    """The tokens of each option of each question."""
    asked = [(lead, f" {option}") for lead, q in zip(leads, questions, strict=True) for option in q.options]
    ids = iter(handle.continuation_ids([lead for lead, _ in asked], [option for _, option in asked]))
    return [[next(ids) for _ in q.options] for q in questions]


def _likelihoods(
    handle: Any, questions: Sequence[Question], leads: Sequence[str], rows: Sequence[int]
) -> list[Float[np.ndarray, " options"]]:
    """Mean log-probability of the tokens of each option of some questions."""
    if not rows:
        return []
    asked = [(leads[row], f" {option}") for row in rows for option in questions[row].options]
    sums, counts = handle.continuation_logprobs([lead for lead, _ in asked], [option for _, option in asked])
    means = iter(np.asarray(sums, dtype=np.float64) / np.maximum(np.asarray(counts), 1))
    return [np.array([next(means) for _ in questions[row].options]) for row in rows]


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
