"""Coarser weights, against a slow computation."""

import torch

from assay.techniques.rounding import rounded


def test_rounding_keeps_every_value_within_half_a_step_of_its_row() -> None:
    """And uses no more values than the bits can tell apart, the largest of a row among them."""
    weight = torch.randn(6, 40, generator=torch.Generator().manual_seed(0))
    for bits in (8, 4, 2):
        new = rounded(weight, bits)
        step = weight.abs().amax(1) / (2 ** (bits - 1) - 1)
        assert ((new - weight).abs().amax(1) <= step / 2 + 1e-6).all()
        assert all(len(row.unique()) <= 2**bits - 1 for row in new)
        torch.testing.assert_close(new.abs().amax(1), weight.abs().amax(1))
    assert torch.equal(rounded(torch.zeros(2, 3), 4), torch.zeros(2, 3))
