"""Representation misdirection: the control vector passes any norm, and the right matrices are trained."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from assay.access import open_handle
from assay.core import Access
from assay.core.errors import BadOption, NotApplicable
from assay.techniques.unlearning.rmu import apart, control_vector, usual_length, writers
from tests.model.tiny import TEXTS, tiny_engine, tiny_model

LENGTH = 7.0


def _norm(family: str, width: int) -> nn.Module:
    model: Any = tiny_model(family, hidden_size=width, n_embd=width)
    return model.transformer.ln_f if family == "gpt2" else model.model.norm


def _passed(norm: nn.Module, vector: Tensor) -> float:
    """The share of a vector's squared length that a norm lets pass, its own scaling undone."""
    out = norm(vector.double()).detach()
    shift = vector.double() - vector.double().mean() if isinstance(norm, nn.LayerNorm) else vector.double()
    return float((out * shift.square().mean().sqrt()).square().sum() / vector.double().square().sum())


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("seed", range(3))
def test_the_control_vector_keeps_its_length_through_a_norm(family: str, seed: int) -> None:
    """Nothing of it is centred away, in a model with LayerNorm as in one with RMSNorm."""
    control = control_vector(64, LENGTH, seed)
    assert float(control.norm()) == pytest.approx(LENGTH, rel=1e-5)
    assert _passed(_norm(family, 64).double(), control) == pytest.approx(1.0, abs=1e-3)


def test_a_vector_that_is_not_centred_loses_three_quarters_to_layer_norm() -> None:
    """As the paper draws it, from U[0, 1): in the mean of many draws; RMSNorm takes nothing of it."""
    drawn = [torch.rand(64, generator=torch.Generator().manual_seed(seed)) for seed in range(50)]
    layer, root = (_norm(family, 64).double() for family in ("gpt2", "llama"))
    lost = [1 - _passed(layer, LENGTH * one / one.norm()) for one in drawn]
    assert sum(lost) / len(lost) == pytest.approx(0.75, abs=0.02)
    assert all(_passed(root, LENGTH * one / one.norm()) == pytest.approx(1.0, abs=1e-3) for one in drawn)


def test_it_is_the_paper_s_vector_less_its_mean() -> None:
    """Entry by entry, and a narrow stream is refused."""
    drawn = torch.rand(5, generator=torch.Generator().manual_seed(4), dtype=torch.float64).tolist()
    mean = sum(drawn) / 5
    size = sum((value - mean) ** 2 for value in drawn) ** 0.5
    slow = [LENGTH * (value - mean) / size for value in drawn]
    assert control_vector(5, LENGTH, seed=4).tolist() == pytest.approx(slow, rel=1e-5)
    with pytest.raises(BadOption, match="width 1"):
        control_vector(1, LENGTH, seed=0)


def test_the_loss_is_that_of_the_paper_written_out() -> None:
    """A mean over tokens of the squared distance, divided by the width, to one place or to a place each."""
    draw = torch.Generator().manual_seed(1)
    states, places = torch.randn(4, 6, generator=draw), torch.randn(4, 6, generator=draw)
    for wanted in (places[0], places):
        slow = 0.0
        for token in range(4):
            goal = wanted if wanted.ndim == 1 else wanted[token]
            slow += sum((float(states[token, i]) - float(goal[i])) ** 2 for i in range(6)) / 6 / 4
        assert float(apart(states, wanted)) == pytest.approx(slow, rel=1e-5)


@pytest.mark.parametrize(
    ("family", "end"), [("gpt2", "mlp.c_proj.weight"), ("llama", "mlp.down_proj.weight")]
)
def test_the_block_and_two_below_it_are_trained(family: str, end: str) -> None:
    """Fewer at the bottom of the model; the names are those of parameters."""
    handle = open_handle(tiny_engine(family), Access.WHITE)
    names = [writers(handle, block) for block in range(3)]
    assert [len(found) for found in names] == [1, 2, 3]
    assert names[2][:2] == names[1]
    assert all(name.endswith(end) and name in handle.parameters() for name in names[2])


def test_a_mixture_of_experts_has_no_one_matrix() -> None:
    """Every expert has its own, so it is refused by name."""
    with pytest.raises(NotApplicable, match="expert"):
        writers(open_handle(tiny_engine("mixtral"), Access.WHITE), 1)


def test_the_usual_length_is_the_median_over_all_tokens() -> None:
    """Of all texts together."""
    handle = open_handle(tiny_engine(), Access.WHITE)
    sizes = sorted(
        float(row.norm()) for rows in handle.site_activations(TEXTS, "resid_post.1") for row in rows
    )
    assert usual_length(handle, TEXTS, "resid_post.1") == pytest.approx(sizes[(len(sizes) - 1) // 2])
