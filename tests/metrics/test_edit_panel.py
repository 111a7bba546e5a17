"""The metrics of the job ``edit``, each against a slow computation by hand."""

import numpy as np
import pytest

from assay.metrics.edit_panel import (
    LAST_SUBJECT,
    PANEL,
    ROLES,
    SAID,
    agreement,
    harmonic,
    peak,
    ratio,
)
from assay.metrics.spec import CaseTable, case_table

RNG = np.random.default_rng(0)
EDITS = 12
WEIGHTS = np.concatenate([np.ones((EDITS, 1)), RNG.integers(0, 3, (EDITS, 5))], axis=1).astype(float)


def answers(seed: int) -> np.ndarray:
    """Made-up answers: up to four questions for each edit, some of them right."""
    rng = np.random.default_rng(seed)
    asked = rng.integers(0, 5, EDITS).astype(float)
    right = np.floor(rng.random((EDITS, 3)) * (asked[:, None] + 1))
    return np.column_stack([asked, right, rng.random(EDITS)])


def table(**arrays: np.ndarray) -> CaseTable:
    """A table without cases, with arrays by edit."""
    return case_table([]).with_arrays({f"document_{name}": values for name, values in arrays.items()})


def test_ratios_are_sums_over_sums() -> None:
    """Question by question: an edit that is drawn twice counts twice."""
    values = answers(1)
    found = ratio("document_few_efficacy", SAID, 0)(table(few_efficacy=values), WEIGHTS)
    for draw, weights in enumerate(WEIGHTS.T):
        right = sum(w * row[SAID] for w, row in zip(weights, values, strict=True))
        asked = sum(w * row[0] for w, row in zip(weights, values, strict=True))
        assert found[draw] == pytest.approx(right / asked)


def test_nothing_asked_is_no_number() -> None:
    """Not zero: nobody has failed."""
    found = ratio("document_few_efficacy", SAID, 0)(table(few_efficacy=np.zeros((EDITS, 5))), WEIGHTS)
    assert np.isnan(found).all()


def test_the_score_is_a_harmonic_mean_and_zero_with_one_zero() -> None:
    """As a good neighbourhood cannot make up for edits that were not made."""
    parts = [answers(seed) for seed in (1, 2, 3)]
    names = ("a", "b", "c")
    filled = table(**dict(zip(names, parts, strict=True)))
    arrays = [f"document_{name}" for name in names]
    found = harmonic(arrays, SAID)(filled, WEIGHTS)[0]
    shares = [values[:, SAID].sum() / values[:, 0].sum() for values in parts]
    assert found == pytest.approx(3 / sum(1 / share for share in shares))
    parts[0][:, SAID] = 0
    assert harmonic(arrays, SAID)(table(**dict(zip(names, parts, strict=True))), WEIGHTS)[0] == 0


def traced(at_subject: np.ndarray, edited: np.ndarray) -> CaseTable:
    """Effects at the last token of the subject, the same for every fact, and how editing went."""
    effects = np.zeros((EDITS, ROLES, len(at_subject)))
    effects[:, LAST_SUBJECT] = at_subject
    one = np.ones((EDITS, 1))
    flat = np.concatenate([one, effects.reshape(EDITS, -1)], axis=1)
    rows = np.concatenate([one, np.tile(edited, (EDITS, 1))], axis=1)
    return table(trace_mlp=flat, trace_resid=flat, trace_edited=rows)


def test_agreement_is_a_correlation_of_ranks() -> None:
    """1 for any rising relation, -1 for any falling one, whatever its shape."""
    effects = np.array([0.1, 0.5, 0.2, 0.9])
    assert agreement(traced(effects, effects**3), WEIGHTS) == pytest.approx(np.ones(6))
    assert agreement(traced(effects, -np.exp(effects)), WEIGHTS) == pytest.approx(-np.ones(6))
    ties = np.array([0.0, 0.0, 1.0, 1.0])
    ranks = np.array([0.5, 0.5, 2.5, 2.5])
    wanted = np.corrcoef([0, 2, 1, 3], ranks)[0, 1]
    assert agreement(traced(effects, ties), WEIGHTS) == pytest.approx(np.full(6, wanted))


def test_the_peak_is_the_largest_mean_effect() -> None:
    """Over layers, at the last token of the subject."""
    assert peak(traced(np.array([0.1, 0.7, 0.3]), np.ones(3)), WEIGHTS) == pytest.approx(np.full(6, 0.7))


def test_every_metric_names_a_question_that_the_panel_can_answer() -> None:
    """Keys are unique; courses, headline and questions name metrics that exist."""
    keys = [spec.key for spec in PANEL.specs]
    assert len(keys) == len(set(keys))
    named = {metric for course in PANEL.courses for _, metric in course.points}
    named |= {question.metric for question in PANEL.questions} | set(PANEL.headline)
    assert named <= set(keys)
    assert all(len(course.points) > 1 for course in PANEL.courses)
