"""Answers to a job's yes/no questions: the mean of some entries against the best of their rivals."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from assay.core import Kind
from assay.metrics.monitor_panel import PANEL
from assay.metrics.spec import Panel, Question
from assay.results.cells import Cell, Value
from assay.results.questions import replies

ORGANISMS = ("a", "b", "c")
QUESTION = Question(
    "any", "Do they?", "auroc", ("one", "two", "never run"), ("poor", "good", "absent"), "Yes", "No"
)
ASKED = Panel("monitor", PANEL.specs, questions=(QUESTION,))


def cells(values: Mapping[str, float]) -> dict[tuple[str, str], Cell]:
    """Each label on every organism, with resamples that spread a little around its value."""
    made: dict[tuple[str, str], Cell] = {}
    for at, organism in enumerate(ORGANISMS):
        for number, (label, value) in enumerate(values.items()):
            kind: Kind = "method" if label in QUESTION.entries else "placebo"
            estimate = value + 0.01 * at
            draws = estimate + 0.01 * np.random.default_rng([at, number]).standard_normal(200)
            made[label, organism] = Cell(
                label, kind, organism, (), "ok", {"auroc": Value(estimate, draws, 40, 20)}
            )
    return made


def test_the_mean_of_the_entries_is_compared_with_the_best_rival() -> None:
    """Not with the first rival, nor the best entry; what was never run counts for nothing."""
    [reply] = replies(ASKED, cells({"one": 0.9, "two": 0.7, "poor": 0.2, "good": 0.5}), ORGANISMS)
    assert reply.entries == ("one", "two")
    assert reply.mean == pytest.approx(0.81)
    assert reply.comparison.against == "good"
    assert reply.comparison.difference == pytest.approx(0.3)
    assert reply.comparison.low <= 0.3 <= reply.comparison.high
    assert (reply.answer, reply.comparison.clusters) == ("Yes", 3)
    assert reply.line.startswith("Yes: mean of 2 0.810, +0.300 [")
    assert "against good" in reply.line


def test_draws_are_averaged_entry_by_entry() -> None:
    """The interval is that of the mean: two entries that move against each other cancel."""
    made = cells({"one": 0.8, "two": 0.8, "good": 0.5})
    for organism in ORGANISMS:
        noise = 0.2 * np.random.default_rng(1).standard_normal(200)
        for label, sign in (("one", 1), ("two", -1)):
            value = made[label, organism].values["auroc"]
            made[label, organism].values["auroc"] = replace(value, draws=value.draws + sign * noise)
    [reply] = replies(ASKED, made, ORGANISMS)
    assert reply.comparison.high - reply.comparison.low < 0.3


@pytest.mark.parametrize(
    ("own", "answer"), [(0.9, "Yes"), (0.1, "No"), (0.5, "Not to be told from this run")]
)
def test_the_answer_is_that_of_the_interval(own: float, answer: str) -> None:
    """Above zero, below it, or across."""
    [reply] = replies(ASKED, cells({"one": own, "good": 0.5}), ORGANISMS)
    assert reply.answer == answer


@pytest.mark.parametrize("values", [{"good": 0.5}, {"one": 0.5}, {}])
def test_a_question_that_nobody_ran_anything_for_is_left_out(values: dict[str, float]) -> None:
    """No entry, no rival, or neither."""
    assert replies(ASKED, cells(values), ORGANISMS) == []


def test_shipped_questions_ask_for_metrics_of_their_panel() -> None:
    """And name at least one entry and one rival."""
    for question in PANEL.questions:
        assert question.metric in {spec.key for spec in PANEL.specs}
        assert question.entries
        assert question.rivals
