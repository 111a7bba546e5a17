"""Training: what it learns, that it can be interrupted, and what it says."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.reading.store import Activations
from assay.techniques.dictionaries import Beside, Dictionary, Difference, Plan, TooFewTokens, kinds, train
from assay.techniques.dictionaries.checkpoint import Checkpoint
from assay.techniques.dictionaries.rules import KeepLargest
from assay.techniques.dictionaries.train import cut_together, geometric_median
from tests.techniques.dictionaries.superposition import superposed

DATA = superposed(6000)
QUICK: dict[str, dict[str, Any]] = {
    "topk": {"k": 3}, "batch_topk": {"k": 3}, "matryoshka": {"k": 3, "parts": (0.75, 0.25)},
    "l1": {"penalty": 0.05}, "gated": {"penalty": 0.05}, "jumprelu": {"l0": 3.0, "eps": 0.03, "theta": 0.02},
}  # fmt: skip


def learnt(name: str = "topk", data: Any = DATA, **options: Any) -> Dictionary:
    """A dictionary of a second's training."""
    given: dict[str, Any] = {"latents": 48, "tokens": 200_000, "batch": 250, "rate": 3e-3, **options}
    plan = Plan(kinds.technique(name, **QUICK[name]), **given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TooFewTokens)
        return train(data.rows, plan)


def recovered(dictionary: Dictionary) -> Tensor:
    """For each true feature the cosine of the closest direction."""
    return (DATA.features @ dictionary.decoder.T).max(1).values


@pytest.mark.parametrize("name", QUICK)
def test_true_features_are_found(name: str) -> None:
    """More features than dimensions; each kind finds most of them, and random directions do not."""
    dictionary = learnt(name)
    random = torch.nn.functional.normalize(torch.randn(48, 24, generator=torch.Generator().manual_seed(1)))
    assert float((DATA.features @ random.T).max(1).values.median()) < 0.6
    assert float((recovered(dictionary) > 0.9).float().mean()) >= 0.75
    torch.testing.assert_close(dictionary.decoder.norm(dim=1), torch.ones(48))


def test_size_does_not_matter() -> None:
    """Activations a thousand times as large give the same directions, and codes a thousand times as large."""
    small, large = learnt(tokens=20_000), learnt(data=superposed(6000, size=1000.0), tokens=20_000)
    torch.testing.assert_close(small.decoder, large.decoder, rtol=1e-3, atol=1e-3)
    x = DATA.x[:50]
    torch.testing.assert_close(
        large.reconstructed(1000 * x) / 1000, small.reconstructed(x), rtol=1e-2, atol=1e-2
    )


@pytest.mark.parametrize("name", ["topk", "jumprelu"])
def test_a_run_that_was_ended_goes_on(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any step, it ends with the same bits as one that was left alone."""
    monkeypatch.setattr("assay.techniques.dictionaries.checkpoint._EVERY_S", -1.0)
    plan = Plan(kinds.technique(name, **QUICK[name]), latents=32, tokens=12_000, batch=100)
    whole = train(DATA.rows, plan)

    def kill(done: int, _: int) -> None:
        if done in (7, 30):
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(DATA.rows, plan, folder=tmp_path, progress=kill)
    told: list[tuple[int, int]] = []
    again = train(DATA.rows, plan, folder=tmp_path, progress=lambda *where: told.append(where))
    assert told[0] == (31, 120)
    assert told[-1] == (120, 120)
    for one, other in ((whole.encoder, again.encoder), (whole.decoder, again.decoder)):
        assert torch.equal(one, other)
    assert torch.equal(whole.encoder_bias, again.encoder_bias)


def test_training_goes_on_from_another_dictionary() -> None:
    """What is known already need not be learnt again; a start that does not fit is told."""
    known, plan = learnt("jumprelu"), Plan(kinds.technique("jumprelu", **QUICK["jumprelu"]), 48, 250, 250)
    with pytest.warns(TooFewTokens):
        again = train(DATA.rows, plan, start=known)
    moved = (again.reconstructed(DATA.x) - known.reconstructed(DATA.x)).pow(2).sum()
    assert 0 < float(moved) < 1e-3 * float((DATA.x - DATA.x.mean(0)).pow(2).sum())
    with pytest.raises(BadOption, match=r"a start of shape \(48, 24\) cannot be trained on: \(20, 24\)"):
        train(DATA.rows, Plan(kinds.technique("topk", k=3), 20, 20_000, 250), start=known)


def test_another_plan_in_the_folder_is_refused(tmp_path: Path) -> None:
    """Both are told; and so is the state of other activations, of which there are as many."""
    other = superposed(6000, seed=1)
    two, three = (Plan(kinds.technique("topk", k=k), latents=8, tokens=4000, batch=100) for k in (2, 3))
    train(DATA.rows, two, folder=tmp_path)
    with pytest.raises(BadOption, match=r"another dictionary's training.*asked for.*\"k\": 3"):
        train(DATA.rows, three, folder=tmp_path)
    with pytest.raises(BadOption, match="another dictionary's training"):
        train(other.rows, two, folder=tmp_path)
    assert not Checkpoint(None, {}).read(torch.device("cpu"))


def test_the_dead_come_back() -> None:
    """A small budget has a small idea of dead, so that the auxiliary loss acts; without it they stay dead.

    Half of the latents read so faintly that they are never among the largest.
    """
    rows = torch.nn.functional.normalize(torch.randn(48, 24, generator=torch.Generator().manual_seed(5)))
    faint = torch.where(torch.arange(48) < 24, 1.0, 0.02)[:, None]
    start = Dictionary(rows * faint, rows, torch.zeros(48), DATA.x.mean(0), KeepLargest(3))
    plan = Plan(kinds.technique("topk", k=3), 48, 100_000, 250, rate=1e-3)

    def dead(weight: float) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("assay.techniques.dictionaries.technique._AUX", weight)
            return int((~train(DATA.rows, plan, start=start).code(DATA.x).fired()).sum())

    without, with_it = dead(0.0), dead(1 / 32)
    assert without >= 20
    assert with_it <= 2


def test_few_tokens_are_told() -> None:
    """With the number that would do: a thousand times on for each latent."""
    with pytest.warns(TooFewTokens, match="about 4000 are needed"):
        train(DATA.rows, Plan(kinds.technique("topk", k=2), latents=8, tokens=3000, batch=100))
    with pytest.raises(BadOption, match="less than one batch of 500"):
        train(DATA.rows, Plan(kinds.technique("topk", k=2), latents=8, tokens=300, batch=500))
    with pytest.raises(BadOption, match="batches of 9000 rows cannot be had from 6000"):
        train(DATA.rows, Plan(kinds.technique("topk", k=2), latents=8, tokens=90000, batch=9000))


def test_bad_activations_are_named() -> None:
    """The row that holds NaN, and activations without anything in them."""
    broken = DATA.x.numpy().copy()
    broken[4321, 3] = np.nan
    plan = Plan(kinds.technique("topk", k=2), latents=8, tokens=6000, batch=100)
    with pytest.raises(BadOption, match="row 4321 of the activations holds NaN"):
        train(Activations(broken), plan)
    with pytest.raises(BadOption, match="all activations are zero"):
        train(Activations(0 * DATA.x.numpy()), plan)


def test_differences_and_crosscoders() -> None:
    """What only the second model has, and both models side by side."""
    extra = torch.zeros(24)
    extra[5] = 3.0
    is_on = torch.rand(6000, generator=torch.Generator().manual_seed(2)) < 0.3
    other = Activations((DATA.x + is_on[:, None] * extra).numpy())
    plan = Plan(kinds.technique("topk", k=1), latents=2, tokens=20_000, batch=100, rate=1e-2)
    dictionary = train(Difference(DATA.rows, other), plan)
    assert float((dictionary.decoder @ extra / 3).abs().max()) > 0.99
    both = Beside([DATA.rows, other], [1.0, 0.5])
    rows = torch.tensor([3, 8])
    assert torch.equal(both.rows(rows), torch.cat([DATA.x[rows], 0.5 * other.rows(rows)], 1))
    with pytest.raises(BadOption, match="rows of 6000, 10 tokens do not belong together"):
        Difference(DATA.rows, Activations(np.zeros((10, 24), np.float32)))


def test_the_middle_of_a_batch_is_not_pulled() -> None:
    """A tenth of the rows far away moves the mean, not the geometric median."""
    x = torch.randn(1000, 4, generator=torch.Generator().manual_seed(0))
    x[:100] += 500
    assert float(x.mean(0).norm()) > 90
    assert float(geometric_median(x).norm()) < 1


@pytest.mark.parametrize("size", [0.01, 10.0])
def test_gradients_are_cut_together_at_norm_one(size: float) -> None:
    """Longer ones as torch does it, shorter ones not at all; what has no gradient is left out."""
    torch.manual_seed(0)
    weights = [torch.zeros(5, 3), torch.zeros(4), torch.zeros(2)]
    for weight in weights[:2]:
        weight.grad = size * torch.randn(weight.shape)
    wanted = [weight.clone() for weight in weights[:2]]
    for weight, same in zip(weights, wanted, strict=False):
        assert weight.grad is not None
        same.grad = weight.grad.clone()
    torch.nn.utils.clip_grad_norm_(wanted, 1.0)
    cut_together(weights)
    for weight, same in zip(weights, wanted, strict=False):
        torch.testing.assert_close(weight.grad, same.grad)
    assert weights[2].grad is None
