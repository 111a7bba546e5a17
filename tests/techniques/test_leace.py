"""LEACE leaves nothing that a linear reader could tell, and changes as little as that takes."""

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.errors import BadOption
from assay.techniques.leace import leace
from assay.techniques.probes import logistic


def _rows(n: int = 120, d: int = 8, classes: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Correlated rows of classes that stand apart."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    spread = torch.randn(d, d, generator=generator, dtype=torch.double)
    middles = 3 * torch.randn(classes, d, generator=generator, dtype=torch.double)
    return torch.randn(n, d, generator=generator, dtype=torch.double) @ spread + middles[labels], labels


def _literal(x: Float[Tensor, "n d"], labels: Tensor) -> Float[Tensor, "n d"]:
    """The formula of the paper, a row at a time, with full matrices and the rows' own covariance."""
    z = torch.stack([(labels == c).double() for c in labels.unique()], 1)
    mean = x.mean(0)
    sigma = torch.stack([torch.outer(row - mean, row - mean) for row in x]).mean(0)
    cross = torch.stack([torch.outer(r - mean, c - z.mean(0)) for r, c in zip(x, z, strict=True)]).mean(0)
    values, vectors = np.linalg.eigh(sigma.numpy())
    whiten = torch.from_numpy(vectors @ np.diag(values**-0.5) @ vectors.T)
    seen = whiten @ cross
    projector = seen @ torch.linalg.pinv(seen, rtol=1e-8)
    eraser = torch.linalg.pinv(whiten) @ projector @ whiten
    return torch.stack([row - eraser @ (row - mean) for row in x])


@pytest.mark.parametrize("shrink", [False, True])
def test_afterwards_classes_have_the_same_mean_and_a_probe_learns_nothing(shrink: bool) -> None:
    """Class means should agree, and a fresh logistic probe should give every row about the same score."""
    x, labels = _rows(classes=2)
    erased = leace(x, labels, shrink).erased(x)
    torch.testing.assert_close(erased[labels == 0].mean(0), erased[labels == 1].mean(0))
    before = logistic(x.numpy(), labels.numpy() == 1).scores(x.numpy())
    after = logistic(erased.numpy(), labels.numpy() == 1).scores(erased.numpy())
    assert np.std(before) > 1
    assert np.std(after) < 1e-3


def test_without_shrinkage_it_is_the_formula_of_the_paper() -> None:
    """It should agree with full matrices and loops."""
    x, labels = _rows()
    torch.testing.assert_close(leace(x, labels, shrink=False).erased(x), _literal(x, labels))


def test_rows_fewer_than_dimensions_are_erased_too() -> None:
    """With a covariance that has no inverse the class means should still come to agree."""
    for shrink in (False, True):
        x, labels = _rows(n=7, d=12)
        erased = leace(x, labels, shrink).erased(x)
        for c in (1, 2):
            torch.testing.assert_close(erased[labels == 0].mean(0), erased[labels == c].mean(0))


def test_it_changes_less_than_the_orthogonal_projection() -> None:
    """Measured by the covariance, taking out the span of the class means orthogonally should change more."""
    x, labels = _rows()
    sigma = torch.cov(x.T, correction=0)
    cross = torch.stack([x[labels == c].mean(0) - x.mean(0) for c in range(3)], 1)
    basis = torch.linalg.svd(cross, full_matrices=False)[0][:, :2]
    orthogonal = x - (x - x.mean(0)) @ basis @ basis.T

    def size(new: Tensor) -> float:
        return float(torch.einsum("nd,de,ne->", new - x, torch.linalg.inv(sigma), new - x))

    assert size(leace(x, labels, shrink=False).erased(x)) < 0.999 * size(orthogonal)


def test_moved_to_a_class_mean_rows_have_that_mean() -> None:
    """Rows moved to a class should have its mean, and a second move should change nothing."""
    x, labels = _rows()
    eraser, to = leace(x, labels), x[labels == 1].mean(0)
    moved = eraser.moved(x, to)
    torch.testing.assert_close(moved.mean(0), to)
    torch.testing.assert_close(eraser.moved(moved, to), moved)


def test_one_class_is_refused() -> None:
    """Where there is nothing to tell apart, it should say so."""
    with pytest.raises(BadOption, match="two classes"):
        leace(torch.zeros(3, 2), torch.zeros(3, dtype=torch.long))
