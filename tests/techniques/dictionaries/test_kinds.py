"""Every kind of dictionary against its formula, written out with whole matrices."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption, UnknownEntry
from assay.techniques.dictionaries import kinds
from assay.techniques.dictionaries import weights as weights_module
from assay.techniques.dictionaries.kinds.jumprelu import jumped
from assay.techniques.dictionaries.rules import Above, KeepLargest
from assay.techniques.dictionaries.technique import Technique, dead_share
from assay.techniques.dictionaries.weights import Batch, Weights

N, F, D = 12, 20, 6
SETTINGS: dict[str, dict[str, Any]] = {
    "topk": {"k": 3},
    "batch_topk": {"k": 3},
    "matryoshka": {"k": 3, "parts": (0.2, 0.3, 0.5)},
    "l1": {"penalty": 0.3},
    "gated": {"penalty": 0.3},
    "jumprelu": {"l0": 3.0, "penalty": 0.7, "eps": 0.4, "theta": 0.2},
}


def noise(*shape: int, seed: int) -> Tensor:
    """The same numbers each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def batch(technique: Technique, dead: Tensor | None = None) -> Batch:
    """Random weights in double precision, with gradients; parameters of a kind are moved off their start."""
    own = {k: v.double() + 0.1 * noise(F, seed=9).abs() for k, v in technique.own(F).items()}
    decoder = torch.nn.functional.normalize(noise(F, D, seed=1))
    w = Weights(noise(F, D, seed=2), decoder, 0.3 * noise(F, seed=3), 0.3 * noise(D, seed=4), own)
    for tensor in w.named().values():
        tensor.requires_grad_()
    dead = torch.zeros(F, dtype=torch.bool) if dead is None else dead
    return Batch(noise(N, D, seed=5), w, dead, ramp=0.6)


def pre(b: Batch) -> Tensor:
    """``(x - b_dec) W_enc + b_enc``."""
    w = b.weights
    return (b.x - w.decoder_bias) @ w.encoder.T + w.encoder_bias


def mean_square(rest: Tensor) -> Tensor:
    """Of rows."""
    return (rest * rest).sum() / len(rest)


def largest(z: Tensor, k: int) -> Tensor:
    """Everything but the ``k`` largest is zero, and so is what is below zero."""
    kept = torch.zeros_like(z)
    order = z.flatten().argsort(descending=True)[:k]
    kept.view(-1)[order] = z.flatten()[order].relu()
    return kept


def back(b: Batch, f: Tensor) -> Tensor:
    """``f W_dec + b_dec``."""
    return f @ b.weights.decoder + b.weights.decoder_bias


def topk(b: Batch) -> Tensor:
    """Row by row."""
    return mean_square(b.x - back(b, torch.stack([largest(row, 3) for row in pre(b)])))


def batch_topk(b: Batch) -> Tensor:
    """All rows at once."""
    return mean_square(b.x - back(b, largest(pre(b), 3 * N)))


def matryoshka(b: Batch) -> Tensor:
    """Prefixes of 4, 10 and 20 latents of one global choice, each with the same weight."""
    f = largest(pre(b), 3 * N)
    losses: list[Tensor] = []
    for end in (4, 10, 20):
        prefix = f.clone()
        prefix[:, end:] = 0
        losses.append(mean_square(b.x - back(b, prefix)))
    return torch.stack(losses).mean()


def l1(b: Batch) -> Tensor:
    """Squares and the sum of what is on."""
    f = pre(b).relu()
    return mean_square(b.x - back(b, f)) + 0.6 * 0.3 * f.sum() / N


def gated(b: Batch) -> Tensor:
    """Two paths with one matrix."""
    w = b.weights
    bare = (b.x - w.decoder_bias) @ w.encoder.T
    gate, amount = bare + w.encoder_bias, (w.own["gain"].exp() * bare + w.own["bias"]).relu()
    by_gate = gate.relu() @ w.decoder.detach() + w.decoder_bias.detach()
    loss = mean_square(b.x - back(b, (gate > 0) * amount)) + mean_square(b.x - by_gate)
    return loss + 0.6 * 0.3 * gate.relu().sum() / N


LITERAL: dict[str, Callable[[Batch], Tensor]] = {
    "topk": topk, "batch_topk": batch_topk, "matryoshka": matryoshka, "l1": l1, "gated": gated
}  # fmt: skip


def test_every_kind_has_a_literal_twin() -> None:
    """JumpReLU's gradients are no derivatives, so its twin stands below."""
    assert {*LITERAL, "jumprelu"} == set(kinds.names()) == set(SETTINGS)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("name", LITERAL)
def test_loss_and_gradients_are_those_of_the_formula(
    name: str, sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through few places and through whole matrices, for every parameter."""
    monkeypatch.setattr(weights_module, "_SPARSE_BELOW", 2.0 if sparse else 0.0)
    technique = kinds.technique(name, **SETTINGS[name])
    b = batch(technique)
    leaves = list(b.weights.named().values())
    outcome, wanted = technique.outcome(b), LITERAL[name](b)
    torch.testing.assert_close(outcome.loss, wanted)
    for found, exact in zip(
        torch.autograd.grad(outcome.loss, leaves), torch.autograd.grad(wanted, leaves), strict=True
    ):
        torch.testing.assert_close(found, exact)


@pytest.mark.parametrize("sparse", [True, False])
def test_jumprelu_learns_its_thresholds_through_the_window(
    sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each latent's gradient is the sum over the window of what the published estimator says, by a loop."""
    monkeypatch.setattr(weights_module, "_SPARSE_BELOW", 2.0 if sparse else 0.0)
    technique = kinds.technique("jumprelu", **SETTINGS["jumprelu"])
    b = batch(technique)
    leaf, decoder = b.weights.own["threshold"], b.weights.decoder.detach()
    loss = technique.outcome(b).loss
    found, threshold = torch.autograd.grad(loss, leaf)[0], leaf.detach()
    z = pre(b).detach()
    f = z * (z > threshold)
    rest, l0 = (b.x - back(b, f)).detach(), float((z > threshold).sum()) / N
    torch.testing.assert_close(loss, mean_square(rest) + 0.6 * 0.7 * (l0 / 3 - 1) ** 2)
    wanted, below = torch.zeros(F, dtype=torch.float64), 0
    for row in range(N):
        for latent in range(F):
            theta = float(threshold[latent])
            if abs(float(z[row, latent]) - theta) < 0.2:
                below += float(z[row, latent]) < theta
                to_f = float(-2 * rest[row] @ decoder[latent]) / N
                to_l0 = 0.6 * 0.7 * 2 * (l0 / 3 - 1) / 3 / N
                wanted[latent] += -(theta / 0.4) * to_f - (1 / 0.4) * to_l0
    assert below  # the half of the window that a penalty on the jumped value would lose
    torch.testing.assert_close(found, wanted)


def test_jumprelu_hands_on_what_is_above() -> None:
    """Its value has slope 1 above the threshold and none below."""
    z = torch.tensor([0.1, 0.5, 2.0], requires_grad=True)
    values, is_on = jumped(z, torch.full((3,), 0.4), 0.1)
    assert values.tolist() == [0.0, 0.5, 2.0]
    assert is_on.tolist() == [0.0, 1.0, 1.0]
    assert torch.autograd.grad(values.sum(), z)[0].tolist() == [0.0, 1.0, 1.0]


def test_the_dead_are_asked_about_what_is_left() -> None:
    """The largest dead latents of a row explain what is left; who lives and what is left learn nothing."""
    technique, dead = kinds.technique("topk", k=3), torch.arange(F) % 3 == 0
    b = batch(technique, dead)
    rest = noise(N, D, seed=6).requires_grad_()
    found = dead_share(b, rest)
    z = pre(b)[:, dead].relu()
    f = torch.stack([largest(row, D // 2) for row in z])
    left = rest.detach()
    wanted = mean_square(left - f @ b.weights.decoder[dead]) / mean_square(left - left.mean(0))
    torch.testing.assert_close(found, wanted)
    encoder = torch.autograd.grad(found, b.weights.encoder, retain_graph=True)[0]
    assert encoder[dead].abs().sum() > 0
    assert not encoder[~dead].any()
    assert torch.autograd.grad(found, rest, allow_unused=True)[0] is None
    assert float(dead_share(batch(technique), rest)) == 0


@pytest.mark.parametrize("name", ["batch_topk", "matryoshka"])
def test_the_threshold_keeps_as_many_as_training(name: str) -> None:
    """On rows like those that it was found on; that is the number reported, not the one trained with."""
    technique = kinds.technique(name, k=5)
    w = batch(technique).weights
    each = [noise(4000, F, seed=seed) for seed in range(5)]
    rule = technique.rule(w, iter(each[:4]))
    assert isinstance(rule, Above)
    assert len(rule.code(each[4]).values) / 4000 == pytest.approx(5, rel=0.03)


def test_topk_read_as_relu_would_show() -> None:
    """The same pre-activations have many more on when the rule is forgotten."""
    z = noise(100, F, seed=8)
    assert len(KeepLargest(3).code(z).values) == 300
    assert len(Above(torch.zeros(F)).code(z).values) > 900


def test_unknown_kinds_and_parts_are_named() -> None:
    """One clear sentence each."""
    with pytest.raises(UnknownEntry, match="did you mean batch_topk"):
        kinds.technique("batchtopk")
    with pytest.raises(BadOption, match="add up to 1"):
        kinds.technique("matryoshka", parts=(0.5, 0.2))
