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
    best = _of_groups(pre)
    # k groups reach the k-th largest of their maxima, so nothing below it is among the k largest
    bound = best.topk(min(k, best.shape[1]), dim=1, sorted=False).values.amin(1)
    if k > best.shape[1]:
        bound = torch.zeros_like(bound)
    through = _above(pre, best, bound.clamp_min(0))
    counts = torch.bincount(through // width, minlength=n)
    if int(counts.max()) > k:
        through = through[_largest(pre.view(-1)[through], through // width, counts, k)]
    return _places(through, n, width)


def batch_top_k(pre: Float[Tensor, "n latent"], k: int) -> Entries:
    """The ``k n`` largest of all rows together that are above zero: rows share what is kept.

    >>> places = batch_top_k(torch.tensor([[3.0, 1.0, 2.0], [-1.0, 5.0, 4.0]]), 1)
    >>> places.rows.tolist(), places.latents.tolist()
    ([1, 1], [1, 2])
    """
    n, width = pre.shape
    most, best = min(k * n, pre.numel()), _of_groups(pre)
    some = pre[::_SAMPLE].flatten()
    share = min(int(_MARGIN * most * len(some) / pre.numel()) + 1, len(some))
    bound = some.topk(share, sorted=False).values.min().clamp_min(0).expand(n)
    through = _above(pre, best, bound)
    if len(through) < most and float(bound[0]) > 0:  # the sample was not like the rest
        through = _above(pre, best, torch.zeros_like(bound))
    if len(through) > most:
        kept = pre.view(-1)[through].topk(most, sorted=False).indices
        through = through[kept].sort().values
    return _places(through, n, width)


def _of_groups(pre: Float[Tensor, "n latent"]) -> Float[Tensor, "n group"]:
    """The largest of every few latents, which stand as far apart as there are groups."""
    n, width = pre.shape
    if width % _GROUP:
        return pre
    return pre.view(n, _GROUP, width // _GROUP).amax(1)


def _above(
    pre: Float[Tensor, "n latent"], best: Float[Tensor, "n group"], bound: Float[Tensor, " n"]
) -> Int[Tensor, " e"]:
    """Places in order, as numbers in the flat matrix, that reach their row's bound and lie above zero.

    Only groups whose largest does so are looked into: a pass over all places takes several times as long.
    """
    n, width = pre.shape
    groups = best.shape[1]
    rows, group = ((best >= bound[:, None]) & (best > 0)).nonzero(as_tuple=True)
    inside = pre.view(n, width // groups, groups)[rows, :, group]
    which, member = ((inside >= bound[rows, None]) & (inside > 0)).nonzero(as_tuple=True)
    return (rows[which] * width + member * groups + group[which]).sort().values


def _places(flat: Int[Tensor, " e"], n: int, width: int) -> Entries:
    rows = torch.div(flat, width, rounding_mode="floor")
    return Entries.of(rows, flat - rows * width, n, width)


def _largest(
    values: Float[Tensor, " e"], rows: Int[Tensor, " e"], counts: Int[Tensor, " n"], k: int
) -> Int[Tensor, " kept"]:
    """Which of some values are among the ``k`` largest of their row, in order."""
    starts = counts.cumsum(0) - counts
    table = values.new_full((len(counts), int(counts.max())), -torch.inf)
    table[rows, torch.arange(len(rows), device=rows.device) - starts[rows]] = values
    best = table.topk(k, dim=1, sorted=False)
    return (best.indices + starts[:, None])[best.values > -torch.inf].sort().values
