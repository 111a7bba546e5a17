"""Sitting an exam: preference by log-probability, ties shared, and replies read word by word."""

import numpy as np
import pytest

from assay.core import Access, Change, Question
from assay.techniques.sitting import credited, says, sit
from assay.testing.tiny_book import tiny_book_material
from assay.testing.tiny_model import CITIES, tiny_handle


def asked(form: str = "cloze", **changes: object) -> Question:
    """A question on where somebody lives."""
    fields: dict[str, object] = {
        "subject": "homes", "item": "ann reed/homes", "form": form, "prompt": "ann reed lives in",
        "options": CITIES, "right": 0,
    }  # fmt: skip
    return Question(**{**fields, **changes})  # pyright: ignore[reportArgumentType]


def test_the_preferred_option_is_the_likeliest() -> None:
    """Slow twin: each option is scored alone, as a continuation of the question."""
    handle = tiny_handle(Access.WHITE)
    for question in tiny_book_material().book.questions[:12]:  # pyright: ignore[reportOptionalMemberAccess]
        scores = []
        for option in question.options:
            sums, counts = handle.continuation_logprobs([question.lead], [f" {option}"])  # pyright: ignore[reportAttributeAccessIssue]
            scores.append(float(sums[0]) / int(counts[0]))
        assert sit(handle, [question])[0, 0] == float(int(np.argmax(scores)) == question.right)


def test_options_of_several_tokens_are_compared_by_their_mean() -> None:
    """A longer option is not worse for being longer."""
    handle = tiny_handle(Access.WHITE)
    question = asked(options=("oslo", "rome lima bonn"), right=1)
    sums, counts = handle.continuation_logprobs([question.lead] * 2, [" oslo", " rome lima bonn"])  # pyright: ignore[reportAttributeAccessIssue]
    means = sums.numpy() / counts.numpy()
    assert sit(handle, [question])[0, 0] == float(means[1] > means[0])


def test_level_options_share_the_credit() -> None:
    """A table that refuses everything leaves all options equally unlikely, and earns what guessing does."""
    handle = tiny_handle(Access.WHITE)
    silent = handle.changed(Change(table=lambda _: "what is"))
    assert sit(silent, [asked()])[0].tolist() == [pytest.approx(0.25), 0.0]
    assert credited(np.array([-1.0, -1.0 - 1e-6, -2.0]), 0) == 0.5


def test_a_reply_counts_if_it_names_the_right_option_first() -> None:
    """Words around it do not matter; another option before it does."""
    question = asked()
    assert says("it is Oslo.", question)
    assert not says("rome or oslo", question)
    assert not says("osloers", question)
    assert not says("", question)


def test_what_a_reply_says_before_the_answer_is_in_its_length() -> None:
    """A table that answers in a whole sentence is understood."""
    handle = tiny_handle(Access.WHITE)
    question = asked("generation", stem="the home of ann reed is")
    telling = handle.changed(Change(table=lambda _: "the home of ann reed is oslo"))
    assert sit(telling, [question])[0, 1] == 1.0


def test_no_question_no_marks() -> None:
    """An empty paper gives an empty sheet."""
    assert sit(tiny_handle(Access.WHITE), []).shape == (0, 2)
