"""A pull that slackens: its formula, its slope, and its bounds."""

import math

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.techniques.unlearning.slackening import slackening

MARGINS = torch.tensor([-3.0, -0.5, 0.0, 0.25, 7.0], dtype=torch.float64)


def slopes(margins: Tensor, beta: float) -> list[float]:
    """How fast the loss of each margin falls as that margin grows."""
    leaf = margins.clone().requires_grad_(True)
    slackening(leaf, beta).backward()
    assert leaf.grad is not None
    return (-len(margins) * leaf.grad).tolist()


@pytest.mark.parametrize("beta", [0.1, 1.0, 4.5])
def test_it_is_its_formula(beta: float) -> None:
    """Margin by margin, with a plain logistic function."""
    total = 0.0
    for margin in MARGINS.tolist():
        total += -math.log(1 / (1 + math.exp(-beta * margin)))
    assert float(slackening(MARGINS, beta)) == pytest.approx(2 / beta * total / len(MARGINS))


@pytest.mark.parametrize("beta", [0.1, 1.0, 4.5])
def test_the_slope_is_one_at_zero_and_falls_from_two_to_nothing(beta: float) -> None:
    """Twice the logistic function of the margin's opposite."""
    found = slopes(MARGINS, beta)
    assert found == pytest.approx([2 / (1 + math.exp(beta * m)) for m in MARGINS.tolist()])
    assert found[2] == pytest.approx(1.0)
    assert found == sorted(found, reverse=True)
    assert slopes(torch.tensor([-1e4, 1e4]), beta) == pytest.approx([2.0, 0.0])


def test_far_margins_stay_finite() -> None:
    """Neither the loss nor its slope overflows."""
    assert math.isfinite(float(slackening(torch.tensor([-1e6, 1e6]), 4.5)))


@pytest.mark.parametrize("beta", [0.0, -0.1, math.nan])
def test_a_beta_that_makes_no_sense_is_refused(beta: float) -> None:
    """The message says what to give."""
    with pytest.raises(BadOption, match="above 0, such as"):
        slackening(MARGINS, beta)
