"""Preference optimisation is its formula, and its descent makes the chosen reply the likelier one."""

import math

import pytest
import torch

from assay.techniques.unlearning.preference import Replies, preference

CHOSEN = Replies(torch.tensor([-9.0, -4.0]).double(), torch.tensor([-8.0, -6.0]).double())
REJECTED = Replies(torch.tensor([-1.0, -3.0]).double(), torch.tensor([-0.5, -2.0]).double())


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_it_is_its_formula(beta: float) -> None:
    """Prompt by prompt, with probabilities and their ratios written out."""
    total = 0.0
    for number in range(2):
        won = math.exp(float(CHOSEN.now[number])) / math.exp(float(CHOSEN.before[number]))
        lost = math.exp(float(REJECTED.now[number])) / math.exp(float(REJECTED.before[number]))
        inner = beta * math.log(won) - beta * math.log(lost)
        total += -math.log(1 / (1 + math.exp(-inner)))
    assert float(preference(CHOSEN, REJECTED, beta)) == pytest.approx(2 / beta * total / 2)


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_at_the_start_both_replies_are_pulled_alike(beta: float) -> None:
    """The chosen up, the rejected down, as the difference of their means would be."""
    chosen = CHOSEN.before.clone().requires_grad_(True)
    rejected = REJECTED.before.clone().requires_grad_(True)
    preference(Replies(chosen, CHOSEN.before), Replies(rejected, REJECTED.before), beta).backward()
    assert chosen.grad is not None
    assert rejected.grad is not None
    assert chosen.grad.tolist() == [-0.5, -0.5]
    assert rejected.grad.tolist() == [0.5, 0.5]


def test_descent_prefers_the_chosen_reply() -> None:
    """On a free choice between three replies the rejected one falls, the chosen one rises."""
    start = torch.tensor([0.0, 3.0, 1.0])
    logits = start.clone().requires_grad_(True)
    before = start.log_softmax(-1)
    for _ in range(200):
        now = logits.log_softmax(-1)
        loss = preference(Replies(now[:1], before[:1]), Replies(now[1:2], before[1:2]), 0.1)
        [gradient] = torch.autograd.grad(loss, logits)
        logits = (logits - 0.2 * gradient).detach().requires_grad_(True)
    after = logits.detach().log_softmax(-1)
    assert after.argmax() == 0
    assert before.argmax() == 1
    assert after[0] > before[0]
    assert after[1] < before[1]
