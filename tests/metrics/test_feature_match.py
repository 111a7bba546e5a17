"""The best feature of a concept: against a search over all features and thresholds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import BadOption
from assay.metrics.feature_match import Entries, matches


def drawn(seed: int, rows: int = 12, features: int = 4) -> np.ndarray:
    """Activities with many zeros and many ties."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, (rows, features)) * (rng.random((rows, features)) < 0.7)


def best_by_search(values: np.ndarray, marks: np.ndarray) -> float:
    """The highest F1 over every threshold that occurs, written out."""
    found = 0.0
    for threshold in sorted(set(values[values > 0].tolist())):
        said = values >= threshold
        tp, fp, fn = (said & marks).sum(), (said & ~marks).sum(), (~said & marks).sum()
        found = max(found, 2 * tp / (2 * tp + fp + fn))
    return found


@settings(max_examples=60)
@given(st.integers(0, 10_000))
def test_f1_is_that_of_a_search_over_thresholds(seed: int) -> None:
    """Ties included, for every feature and concept; the threshold found reaches it."""
    values, marks = drawn(seed), np.random.default_rng(seed + 1).random((12, 3)) < 0.4
    entries = Entries.of([values[:5].astype(float), values[5:].astype(float)], 4)
    found = matches(entries, marks)
    for feature in range(4):
        for concept in range(3):
            wanted = best_by_search(values[:, feature], marks[:, concept])
            assert found.f1[feature, concept] == pytest.approx(wanted)
            said = entries.fired(feature, float(found.threshold[feature, concept]))
            total = said.sum() + marks[:, concept].sum()
            reached = 2 * (said & marks[:, concept]).sum() / total if total else 0.0
            assert reached == pytest.approx(wanted)


def test_parts_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Working through few entries at once gives the same."""
    values, marks = drawn(3, 200, 30).astype(float), np.random.default_rng(4).random((200, 5)) < 0.2
    whole = matches(Entries.of([values], 30), marks)
    monkeypatch.setattr("assay.metrics.feature_match._CELLS", 40)
    monkeypatch.setattr("assay.metrics.feature_match._TOGETHER", 7)
    again = matches(Entries.of(list(values[:, None, :]), 30), marks)
    np.testing.assert_array_equal(whole.f1, again.f1)
    np.testing.assert_array_equal(whole.threshold, again.threshold)


def test_a_concept_is_matched_by_its_own_feature() -> None:
    """A feature that is on exactly at the marked rows has F1 1, whatever the others do."""
    values = drawn(5, 50, 6).astype(float)
    marks = values[:, 2:3] > 0
    found = matches(Entries.of([values], 6), marks)
    assert found.best().tolist() == [2]
    assert found.f1[2, 0] == 1.0


def test_what_is_never_on_matches_nothing() -> None:
    """No entry at all, no row at all: F1 is 0 and no threshold is reached."""
    silent = matches(Entries.of([np.zeros((3, 2))], 2), np.ones((3, 1), dtype=bool))
    assert silent.f1.tolist() == [[0.0], [0.0]]
    nothing = Entries.of([], 2)
    assert matches(nothing, np.zeros((0, 1), dtype=bool)).f1.shape == (2, 1)
    assert not Entries.of([np.zeros((3, 2))], 2).fired(0, np.inf).any()


@pytest.mark.parametrize(
    "wrong", [np.full((2, 2), -1.0), np.full((2, 2), np.nan), np.ones((2, 3)), np.ones(2)]
)
def test_what_is_no_activity_is_refused(wrong: np.ndarray) -> None:
    """Below zero, not a number, or of another number of features."""
    with pytest.raises(BadOption, match="activity"):
        Entries.of([wrong], 2)


def test_marks_must_fit_the_rows() -> None:
    """One row of marks for each word."""
    with pytest.raises(BadOption, match="2 marked rows for an activity of 3"):
        matches(Entries.of([np.zeros((3, 2))], 2), np.zeros((2, 1), dtype=bool))
