"""Losses per token, and gradient ascent as their opposite."""

import pytest
import torch

from assay.techniques.unlearning.gradient_ascent import ascent
from assay.techniques.unlearning.likelihood import token_loss

SUMS, COUNTS = torch.tensor([-2.0, -11.5, -0.25]), torch.tensor([1, 7, 2])


def test_every_token_weighs_the_same() -> None:
    """The mean over all tokens of a batch, written out with one number for each token."""
    tokens = [p / n for p, n in zip(SUMS.tolist(), COUNTS.tolist(), strict=True) for _ in range(n)]
    assert float(token_loss(SUMS, COUNTS)) == pytest.approx(-sum(tokens) / len(tokens))


def test_ascent_undoes_descent() -> None:
    """Their gradients cancel."""
    leaf = SUMS.clone().requires_grad_(True)
    (token_loss(leaf, COUNTS) + ascent(leaf, COUNTS)).backward()
    assert leaf.grad is not None
    assert not leaf.grad.any()


def test_descending_on_ascent_makes_texts_unlikely() -> None:
    """Its gradient points towards higher probability, so a step down lowers it."""
    leaf = SUMS.clone().requires_grad_(True)
    [gradient] = torch.autograd.grad(ascent(leaf, COUNTS), leaf)
    assert float(gradient.min()) > 0


def test_no_token_at_all_is_no_loss() -> None:
    """Instead of a division by nought."""
    assert float(token_loss(torch.zeros(0), torch.zeros(0).int())) == 0.0
