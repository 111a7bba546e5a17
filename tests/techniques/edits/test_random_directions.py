"""Random changes are as large as those they stand for, and point elsewhere."""

import torch

from assay.techniques.edits.random_directions import same_norms
from assay.techniques.edits.rank_one import rank_ones
from tests.techniques.edits.places import AIM, CAT, DOG, moment_of, tiny_handle


def test_each_has_the_norm_of_romes_change() -> None:
    """Frobenius norms are equal, directions nearly orthogonal, and other seeds draw others."""
    handle = tiny_handle()
    _, left, right = rank_ones(handle, [CAT, DOG], 1, moment_of(handle, 1), AIM)
    u, w = same_norms(left, right, [3, 4])
    for n in range(2):
        rome, drawn = torch.outer(left[:, n], right[n]), torch.outer(u[:, n], w[n])
        torch.testing.assert_close(drawn.norm(), rome.norm())
        assert abs(float((drawn * rome).sum() / rome.norm() ** 2)) < 0.3
    assert torch.equal(same_norms(left, right, [3, 4])[0], u)
    assert not torch.equal(same_norms(left, right, [5, 4])[0][:, 0], u[:, 0])
    assert torch.equal(same_norms(left, right, [5, 4])[0][:, 1], u[:, 1])
