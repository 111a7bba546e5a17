"""The divergence is its definition, nought where nothing has moved, and above that elsewhere."""

import math

import pytest
import torch

from assay.techniques.unlearning.kl import divergence


def drawn(seed: int) -> torch.Tensor:
    """Log-probabilities of seven words at five places."""
    return torch.randn(5, 7, generator=torch.Generator().manual_seed(seed)).double().log_softmax(-1)


def test_it_is_its_definition() -> None:
    """Place by place and word by word, in the order before || now."""
    before, now, total = drawn(0), drawn(1), 0.0
    for old, new in zip(before.tolist(), now.tolist(), strict=True):
        for p, q in zip(old, new, strict=True):
            total += math.exp(p) * math.log(math.exp(p) / math.exp(q))
    assert float(divergence(before, now)) == pytest.approx(total / 5)


def test_at_the_start_it_is_nought_and_flat() -> None:
    """Neither a value nor a gradient in the logits."""
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(2)).double().requires_grad_(True)
    found = divergence(logits.detach().log_softmax(-1), logits.log_softmax(-1))
    found.backward()
    assert float(found.detach()) == 0.0
    assert logits.grad is not None
    assert float(logits.grad.abs().max()) < 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_it_is_never_below_nought(seed: int) -> None:
    """Whatever the two distributions are."""
    assert float(divergence(drawn(seed), drawn(seed + 10))) > 0


def test_what_was_impossible_costs_nothing() -> None:
    """A word of probability nought before adds nought, whatever it is now."""
    before = torch.tensor([[0.0, -math.inf]])
    assert float(divergence(before, torch.tensor([[0.5, 0.5]]).log())) == pytest.approx(math.log(2))
    assert float(divergence(before, before)) == 0.0
