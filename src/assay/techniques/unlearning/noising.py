"""Representation noising: what a subject's tokens are inside a model is made to look like noise.

Rosati et al., "Representation noising: a defence mechanism against harmful finetuning" (arXiv 2405.14577).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.errors import BadOption

KERNELS = 5
"""Gaussian kernels, each twice as wide as the one before, the third of the width of the data."""


def mmd(one: Float[Tensor, "n d"], two: Float[Tensor, "m d"]) -> Float[Tensor, ""]:
    """Squared maximum mean discrepancy of two samples: 0 where they are the same, larger where they differ.

    ``mean k(x, x') + mean k(y, y') - 2 mean k(x, y)`` over all pairs, a row with itself included (Gretton et
    al. 2012, A kernel two-sample test, JMLR 13), with ``k = sum over i of exp(-|x - y|^2 / (2^(i-2) w))``,
    i = 0..4, and ``w`` the mean of ``|x - y|^2`` over different rows of both samples, taken as given.

    >>> float(mmd(torch.eye(3), torch.eye(3)))
    0.0

    Raises:
        BadOption: an empty sample.
    """
    if not len(one) or not len(two):
        raise BadOption("a sample without rows has no distribution; give at least one row of each")
    rows = torch.cat([one, two])
    gaps = (rows[:, None] - rows).square().sum(-1)
    width = (gaps.detach().sum() / (len(rows) * (len(rows) - 1))).clamp_min(torch.finfo(rows.dtype).tiny)
    alike = torch.stack([(-gaps / (2.0 ** (i - KERNELS // 2) * width)).exp() for i in range(KERNELS)]).sum(0)
    n = len(one)
    return alike[:n, :n].mean() + alike[n:, n:].mean() - 2 * alike[:n, n:].mean()


def noise(count: int, deviations: Float[Tensor, " d"], draw: torch.Generator) -> Float[Tensor, "n d"]:
    """Rows from ``N(0, diag(s^2))``, drawn on the CPU.

    The paper takes s = 1 for all dimensions; in a small model that is no scale of what a layer says, so ``s``
    is given: the standard deviations of the layer's own outputs.
    """
    return torch.randn(count, len(deviations), generator=draw).to(deviations) * deviations


def unlikely(losses: list[Float[Tensor, ""]]) -> Float[Tensor, ""]:
    """``log(mean of losses)``: what is to grow, slower the larger it is, as a gradient of 1 / mean shows.

    >>> round(float(unlikely([torch.tensor(1.0), torch.tensor(3.0)])), 4)
    0.6931
    """
    return torch.stack(losses).mean().log()
