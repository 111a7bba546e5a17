"""Ratios of sums: the estimate, and how often the interval holds the truth."""

import numpy as np
import pytest

from assay.core.errors import NotApplicable
from assay.metrics.ratio import ratio


def test_it_is_a_ratio_of_sums_and_not_a_mean_of_ratios() -> None:
    """A long text counts for more."""
    score = ratio("x", np.array([1.0, 90.0]), np.array([10.0, 100.0]), n=110, unit="", better="higher")
    assert score.estimate == pytest.approx(91 / 110)
    other = ratio(
        "x", np.array([1.0, 90.0]), np.array([10.0, 100.0]), n=110, unit="", better="higher", one_minus=True
    )
    assert other.estimate == pytest.approx(1 - 91 / 110)
    assert other.high - other.low == pytest.approx(score.high - score.low)


@pytest.mark.parametrize("texts", [10, 60])
def test_the_interval_holds_the_truth_95_times_in_100(texts: int) -> None:
    """Lengths and shares vary from text to text; of 2,000 samples about 95% hold the ratio of means."""
    rng, held = np.random.default_rng(texts), 0
    for _ in range(2000):
        lengths = rng.gamma(4.0, 5.0, texts)
        above = lengths * np.clip(0.3 + 0.1 * rng.standard_normal(texts), 0, 1)
        score = ratio("x", above, lengths, n=texts, unit="", better="higher")
        held += score.low <= 0.3 <= score.high
    assert 0.92 <= held / 2000 <= 0.97


def test_nothing_to_divide_by_is_told() -> None:
    """One text, or a denominator of zero."""
    for above, below in (([1.0], [2.0]), ([1.0, 2.0], [1.0, -1.0])):
        with pytest.raises(NotApplicable, match="at least two texts"):
            ratio("x", np.array(above), np.array(below), n=1, unit="", better="higher")
