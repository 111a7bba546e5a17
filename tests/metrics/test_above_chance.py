"""What lies above chance is found, and what does not is hardly ever said to."""

import numpy as np
import pytest

from assay.core.errors import BadOption
from assay.metrics.above_chance import above_chance
from assay.metrics.quantiles import student_quantile


def test_literal_twin() -> None:
    """The bound is that of one-sided t intervals, corrected for the number of tries."""
    draw = np.random.default_rng(0)
    excess = draw.normal(0.05, 0.4, (3, 40))
    lows = []
    for row in excess:
        mean = sum(row) / 40
        deviation = (sum((x - mean) ** 2 for x in row) / 39) ** 0.5
        lows.append(mean - student_quantile(1 - 0.001 / 3, 39) * deviation / 40**0.5)
    assert above_chance("x", excess).estimate == pytest.approx(max(lows))


def test_chance_is_not_called_a_leak() -> None:
    """Of 2,000 exams answered by guessing, with 20 tries each, hardly any lies above chance."""
    draw = np.random.default_rng(1)
    called = 0
    for _ in range(2000):
        credit = draw.random((20, 60)) < 0.25
        called += above_chance("x", credit - 0.25).estimate > 0
    assert called <= 8


def test_a_leak_is_seen() -> None:
    """Half of the answers right where a quarter is chance, in one try among many."""
    draw = np.random.default_rng(2)
    credit = (draw.random((20, 60)) < 0.25).astype(float)
    credit[7] = draw.random(60) < 0.6
    assert above_chance("x", credit - 0.25).estimate > 0


def test_one_item_says_nothing() -> None:
    """It is refused, for it has no spread."""
    with pytest.raises(BadOption, match="1 items"):
        above_chance("x", np.zeros((2, 1)))
