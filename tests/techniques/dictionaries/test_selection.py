"""The largest pre-activations against a literal sort."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.techniques.dictionaries.selection import batch_top_k, top_k

WIDTHS = st.one_of(st.integers(1, 40), st.just(256))
"""The last is wide enough for a bound to be taken from groups of latents."""


@given(st.integers(1, 70), WIDTHS, st.integers(1, 12), st.integers(0, 10**6))
def test_rows_keep_their_largest(n: int, width: int, k: int, seed: int) -> None:
    """Sorted by hand, cut at k and at zero; places come in order."""
    pre = torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
    places = top_k(pre, k)
    wanted = torch.zeros(n, width, dtype=torch.bool)
    for row in range(n):
        for latent in sorted(range(width), key=lambda at, row=row: -float(pre[row, at]))[:k]:
            wanted[row, latent] = pre[row, latent] > 0
    assert torch.equal(places.dense(torch.ones(len(places))).bool(), wanted)
    assert [places.rows.tolist(), places.latents.tolist()] == [part.tolist() for part in wanted.nonzero().T]


@given(st.integers(1, 70), WIDTHS, st.integers(1, 12), st.integers(0, 10**6))
def test_batches_keep_their_largest(n: int, width: int, k: int, seed: int) -> None:
    """A tensor of (batch, seq) rows, flattened, keeps ``k`` for each row and not for each batch."""
    pre = torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
    places = batch_top_k(pre, k)
    flat = sorted(range(n * width), key=lambda at: -float(pre.flatten()[at]))[: k * n]
    wanted = torch.zeros(n * width, dtype=torch.bool)
    wanted[[at for at in flat if pre.flatten()[at] > 0]] = True
    assert torch.equal(places.dense(torch.ones(len(places))).bool().flatten(), wanted)
    assert [places.rows.tolist(), places.latents.tolist()] == [
        part.tolist() for part in wanted.view(n, width).nonzero().T
    ]


def test_rows_that_the_sample_is_not_like_count_too() -> None:
    """The sampled row is loud and the others are not: the bound from it alone would leave most out."""
    pre = torch.rand(33, 64, generator=torch.Generator().manual_seed(0))
    pre[0] += 100
    pre[32] += 100
    assert len(batch_top_k(pre, 40)) == 33 * 40
