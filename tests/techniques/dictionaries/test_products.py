"""Products with few latents against dense ones, forward and backward."""

import pytest
import torch
from torch import Tensor

from assay.techniques.dictionaries.entries import Entries
from assay.techniques.dictionaries.products import decoded, picked, weighted_sums

N, F, D = 7, 11, 5


def made(seed: int, share: float = 0.3) -> tuple[Entries, Tensor]:
    """Random places, some rows and latents without any, and a mask of them."""
    mask = torch.rand(N, F, generator=torch.Generator().manual_seed(seed)) < share
    mask[2], mask[:, 4] = False, False
    return Entries.where(mask), mask


def noise(*shape: int, seed: int) -> Tensor:
    """Double precision, with gradients."""
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values.requires_grad_()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_decoding_is_the_dense_product(seed: int, share: float) -> None:
    """Values, gradients of values and gradients of the decoder."""
    places, _ = made(seed, share)
    values, decoder, toward = noise(len(places), seed=1), noise(F, D, seed=2), noise(N, D, seed=3)
    few = torch.autograd.grad((decoded(values, decoder, places) * toward).sum(), [values, decoder])
    dense = torch.autograd.grad((places.dense(values) @ decoder * toward).sum(), [values, decoder])
    torch.testing.assert_close(decoded(values, decoder, places), places.dense(values) @ decoder)
    for one, other in zip(few, dense, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("seed", range(5))
def test_picking_is_the_dense_product(seed: int) -> None:
    """Values, and gradients of encoder, its bias and the centre."""
    places, mask = made(seed)
    x, toward = noise(N, D, seed=4).detach(), noise(len(places), seed=5)
    leaves = [noise(F, D, seed=6), noise(F, seed=7), noise(D, seed=8)]
    encoder, bias, centre = leaves
    pre = (x - centre) @ encoder.T + bias
    few = picked(pre.detach(), x, encoder, bias, centre, places)
    torch.testing.assert_close(few, pre[mask])
    for one, other in zip(
        torch.autograd.grad((few * toward).sum(), leaves),
        torch.autograd.grad((pre[mask] * toward).sum(), leaves),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_gradients_agree_with_finite_differences() -> None:
    """In double precision, at every value."""
    places, _ = made(0)
    assert torch.autograd.gradcheck(
        lambda values, decoder: decoded(values, decoder, places),
        (noise(len(places), seed=1), noise(F, D, seed=2)),
    )


def test_turning_keeps_every_place() -> None:
    """Rows and latents exchanged, and exchanged again, is the matrix itself."""
    places, mask = made(3)
    values = torch.arange(1.0, len(places) + 1)
    order, turned = places.turned
    assert torch.equal(turned.dense(values[order]).T, places.dense(values))
    assert torch.equal(places.dense(torch.ones(len(places))).bool(), mask)


def test_cut_rows_add_up() -> None:
    """Parts of a dictionary, summed, are the whole; each part holds its own latents only."""
    places, _ = made(1)
    values = torch.arange(1.0, len(places) + 1)
    parts = places.cut(torch.tensor([3, 8])).dense(values).unflatten(0, (N, 3))
    assert torch.equal(parts.sum(1), places.dense(values))
    assert not parts[:, 0, 3:].any()
    assert not parts[:, 2, :8].any()


def test_no_weights_no_sum() -> None:
    """Sums over nothing are zero."""
    empty = torch.zeros(0, dtype=torch.long)
    assert torch.equal(
        weighted_sums(torch.zeros(3, dtype=torch.long), empty, torch.zeros(0), torch.ones(4, 2)),
        torch.zeros(2, 2),
    )
