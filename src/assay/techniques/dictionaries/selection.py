"""The largest pre-activations: those of each row, or those of a whole batch.

Few of many are looked for, so most are set aside by a bound before anything is sorted; the choice is exact.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.techniques.dictionaries.entries import Entries

_GROUP = 16
"""Latents of which only the largest is looked at in the first round."""
_SAMPLE, _MARGIN = 32, 1.3
"""One row in so many says about where the batch's bound is, and how many more than needed are let through."""


def top_k(pre: Float[Tensor, "n latent"], k: int) -> Entries:
    """The ``k`` largest of each row that are above zero, in the order of latents.

    >>> top_k(torch.tensor([[3.0, 1.0, 2.0], [-1.0, 5.0, -2.0]]), 2).latents.tolist()
    [0, 2, 1]
    """
    n, width = pre.shape
    k = min(k, width)
    if width % _GROUP or width < 4 * _GROUP * k:
        bound = pre.topk(k, dim=1, sorted=False).values.amin(1)
    else:
        # k groups reach the k-th largest of their maxima, so nothing below it is among the k largest
        bound = pre.unflatten(1, (_GROUP, -1)).amax(1).topk(k, dim=1, sorted=False).values.amin(1)
    smallest = torch.finfo(pre.dtype).tiny
    rows, latents = (pre >= bound.clamp_min(smallest)[:, None]).nonzero(as_tuple=True)
    counts = torch.bincount(rows, minlength=n)
    if int(counts.max()) > k:
        keep = _largest(pre[rows, latents], rows, counts, k)
        rows, latents = rows[keep], latents[keep]
    return Entries.of(rows, latents, n, width)


def batch_top_k(pre: Float[Tensor, "n latent"], k: int) -> Entries:
    """The ``k n`` largest of all rows together that are above zero: rows share what is kept.

    >>> places = batch_top_k(torch.tensor([[3.0, 1.0, 2.0], [-1.0, 5.0, 4.0]]), 1)
    >>> places.rows.tolist(), places.latents.tolist()
    ([1, 1], [1, 2])
    """
    n, width = pre.shape
    most, flat = min(k * n, pre.numel()), pre.flatten()
    some = pre[::_SAMPLE].flatten()
    share = min(int(_MARGIN * most * len(some) / len(flat)) + 1, len(some))
    bound = float(some.topk(share, sorted=False).values.min())
    through = (flat > max(bound, 0.0)).nonzero()[:, 0]
    if len(through) < most and bound > 0:  # the sample was not like the rest
        through = (flat > 0).nonzero()[:, 0]
    if len(through) > most:
        through = through[flat[through].topk(most, sorted=False).indices].sort().values
    rows = torch.div(through, width, rounding_mode="floor")
    return Entries.of(rows, through - rows * width, n, width)


def _largest(
    values: Float[Tensor, " e"], rows: Int[Tensor, " e"], counts: Int[Tensor, " n"], k: int
) -> Int[Tensor, " kept"]:
    """Which of some values are among the ``k`` largest of their row, in order."""
    starts = counts.cumsum(0) - counts
    table = values.new_full((len(counts), int(counts.max())), -torch.inf)
    table[rows, torch.arange(len(rows), device=rows.device) - starts[rows]] = values
    best = table.topk(k, dim=1, sorted=False)
    return (best.indices + starts[:, None])[best.values > -torch.inf].sort().values
