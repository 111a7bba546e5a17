"""SimNPO is its formula, and treats replies of all lengths alike."""

import math

import pytest
import torch
from torch import Tensor

from assay.techniques.unlearning.simnpo import simnpo

SUMS = torch.tensor([-2.0, -11.5, -0.01, -30.0], dtype=torch.float64)
COUNTS = torch.tensor([1, 7, 2, 10])


def pull(sums: Tensor, counts: Tensor, beta: float, margin: float = 0.0) -> Tensor:
    """The gradient for each reply's mean log-probability, with the number of replies taken out."""
    leaf = sums.clone().requires_grad_(True)
    [gradient] = torch.autograd.grad(simnpo(leaf, counts, beta, margin), leaf)
    return gradient * counts * len(counts)


@pytest.mark.parametrize(("beta", "margin"), [(0.1, 0.0), (4.5, 0.0), (2.5, 1.5)])
def test_it_is_its_formula(beta: float, margin: float) -> None:
    """Reply by reply: the loss per token, less the margin."""
    total = 0.0
    for logprob, count in zip(SUMS.tolist(), COUNTS.tolist(), strict=True):
        total -= math.log(1 / (1 + math.exp(-beta * (-logprob / count - margin))))
    assert float(simnpo(SUMS, COUNTS, beta, margin)) == pytest.approx(2 / beta * total / len(SUMS))


def test_the_best_known_is_forgotten_first() -> None:
    """The pull grows with the probability of a token, and is at most one without a margin."""
    found = pull(SUMS, COUNTS, 2.5)
    order = (SUMS / COUNTS).argsort()
    assert torch.equal(found.argsort(), order)
    assert 0 < float(found.min()) < float(found.max()) < 1
    assert float(pull(torch.zeros(1), torch.ones(1).int(), 2.5)) == pytest.approx(1.0)


def test_length_does_not_matter() -> None:
    """Replies as likely for each token are pulled alike."""
    found = pull(torch.tensor([-1.0, -2.0, -9.0]), torch.tensor([1, 2, 9]), 4.5)
    torch.testing.assert_close(found, found[:1].expand(3))
