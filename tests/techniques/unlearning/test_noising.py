"""Representation noising: the discrepancy tells samples apart, and noise has the scale asked for."""

import math

import pytest
import torch

from assay.core.errors import BadOption
from assay.techniques.unlearning.noising import mmd, noise, unlikely


def _slow(one: list[list[float]], two: list[list[float]]) -> float:
    rows = one + two
    gaps = [[sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in rows] for x in rows]
    width = sum(map(sum, gaps)) / (len(rows) ** 2 - len(rows))
    kernel = [[sum(math.exp(-g / (width * 2 ** (i - 2))) for i in range(5)) for g in row] for row in gaps]
    n, m = len(one), len(two)
    first = sum(kernel[i][j] for i in range(n) for j in range(n)) / n**2
    second = sum(kernel[n + i][n + j] for i in range(m) for j in range(m)) / m**2
    both = sum(kernel[i][n + j] for i in range(n) for j in range(m)) / (n * m)
    return first + second - 2 * both


def test_the_discrepancy_is_its_formula_written_out() -> None:
    """Pair by pair and kernel by kernel, for samples of unlike size."""
    draw = torch.Generator().manual_seed(0)
    one, two = torch.randn(4, 3, generator=draw), 1 + torch.randn(6, 3, generator=draw)
    assert float(mmd(one, two)) == pytest.approx(_slow(one.tolist(), two.tolist()), rel=1e-4)


def test_it_grows_with_the_distance_of_two_distributions() -> None:
    """Least for two samples of one distribution, never below 0, and the same both ways round."""
    draw = torch.Generator().manual_seed(1)
    rows = torch.randn(60, 4, generator=draw)
    others = [shift + torch.randn(60, 4, generator=draw) for shift in (0.0, 0.5, 2.0)]
    found = [float(mmd(rows, other)) for other in others]
    assert 0 <= found[0] < found[1] < found[2]
    assert float(mmd(others[2], rows)) == pytest.approx(found[2], rel=1e-5)


def test_going_down_it_makes_a_sample_look_like_noise() -> None:
    """Rows that differ in mean and spread end with those of the noise."""
    draw = torch.Generator().manual_seed(2)
    rows = (3 + 0.2 * torch.randn(80, 2, generator=draw)).requires_grad_()
    wanted = torch.tensor([1.0, 2.0])
    optimizer = torch.optim.Adam([rows], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        mmd(rows, noise(80, wanted, draw)).backward()
        optimizer.step()
    assert rows.mean(0).tolist() == pytest.approx([0.0, 0.0], abs=0.4)
    assert rows.std(0).tolist() == pytest.approx([1.0, 2.0], rel=0.4)


def test_rows_that_are_all_alike_differ_by_nothing() -> None:
    """No width can be taken of them, and still no number is missing; gradients neither."""
    rows = torch.ones(3, 2, requires_grad=True)
    found = mmd(rows, torch.ones(2, 2))
    found.backward()
    assert float(found.detach()) == pytest.approx(0.0, abs=1e-6)
    assert rows.grad is not None
    assert bool(torch.isfinite(rows.grad).all())


def test_noise_has_the_deviation_of_each_dimension() -> None:
    """And none where a dimension never varies; the generator decides."""
    deviations = torch.tensor([0.0, 0.5, 3.0])
    rows, again = (noise(4000, deviations, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(rows, again)
    assert rows.std(0).tolist() == pytest.approx(deviations.tolist(), rel=0.05)


def test_the_log_is_that_of_the_mean() -> None:
    """Not the mean of logs."""
    losses = [0.5, 2.0, 4.0]
    assert float(unlikely([torch.tensor(x) for x in losses])) == pytest.approx(math.log(sum(losses) / 3))


def test_an_empty_sample_is_refused() -> None:
    """It has no distribution."""
    with pytest.raises(BadOption, match="without rows"):
        mmd(torch.zeros(0, 2), torch.zeros(3, 2))
