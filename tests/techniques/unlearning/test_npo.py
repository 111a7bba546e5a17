"""NPO is its formula, and gradient ascent with a weight that says how much is still to be forgotten."""

import math

import pytest
import torch
from torch import Tensor

from assay.techniques.unlearning.npo import npo

BEFORE = torch.tensor([-2.0, -11.5, -0.01, -30.0], dtype=torch.float64)
SHIFT = torch.tensor([-4.0, -0.5, 0.0, 6.0], dtype=torch.float64)
"""Two replies have become less likely, one has stayed, one is likelier than before."""


def weights(now: Tensor, before: Tensor, beta: float) -> list[float]:
    """The gradient of NPO in units of that of gradient ascent, the mean log-probability, reply by reply."""
    leaf = now.clone().requires_grad_(True)
    [gradient] = torch.autograd.grad(npo(leaf, before, beta), leaf)
    [ascent] = torch.autograd.grad(leaf.mean(), leaf)
    return (gradient / ascent).tolist()


@pytest.mark.parametrize("beta", [0.0225, 0.1, 2.0])
def test_it_is_its_formula(beta: float) -> None:
    """Reply by reply, in losses as the paper writes them."""
    now, terms = BEFORE + SHIFT, list[float]()
    for after, reference in zip(now.tolist(), BEFORE.tolist(), strict=True):
        loss, loss_before = -after, -reference
        terms.append(-math.log(1 / (1 + math.exp(-beta * (loss - loss_before)))))
    assert float(npo(now, BEFORE, beta)) == pytest.approx(2 / beta * sum(terms) / len(terms))


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_at_the_start_it_is_gradient_ascent(beta: float) -> None:
    """Where nothing has changed, every weight is exactly one."""
    assert weights(BEFORE, BEFORE, beta) == [1.0] * len(BEFORE)


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_what_is_forgotten_pulls_less(beta: float) -> None:
    """Below one where the loss has risen, above one where it has fallen, between nought and two always."""
    forgotten, little, same, better = weights(BEFORE + SHIFT, BEFORE, beta)
    assert 0 < forgotten < little < same == 1.0 < better < 2
    assert weights(BEFORE - 1e4, BEFORE, beta) == pytest.approx([0.0] * 4, abs=1e-12)
    assert weights(BEFORE + 1e4, BEFORE, beta) == pytest.approx([2.0] * 4)


def test_a_small_beta_is_gradient_ascent_everywhere() -> None:
    """All weights go to one, however far the replies have moved."""
    assert weights(BEFORE + SHIFT, BEFORE, 1e-7) == pytest.approx([1.0] * 4, abs=1e-5)
