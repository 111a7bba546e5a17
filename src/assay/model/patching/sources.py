"""What is put in place of an activation: another run, zero, the mean, or the same place of another text."""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.reading.read import Reading


def zeros(reading: Reading) -> Reading:
    """Zero ablation: nothing at all."""
    return _mapped(reading, torch.zeros_like)


def means(reading: Reading) -> Reading:
    """Mean ablation: the mean over texts at the same position, of those that reach it."""
    mask = reading.tokens.mask()
    count = mask.sum(0).clamp_min(1)

    def mean(values: Tensor) -> Tensor:
        # padding reads as zero, so it adds nothing
        shaped = count.to(values.device).reshape(-1, *[1] * (values.ndim - 2))
        return (values.sum(0) / shaped).expand_as(values)

    return _mapped(reading, mean)


def resampled(reading: Reading, seed: int = 0) -> Reading:
    """Resample ablation: each text gets the values of another one, none its own.

    Raises:
        BadOption: one text alone, or texts of unlike lengths, which have no common positions.
    """
    n = len(reading.tokens)
    if n < 2 or reading.tokens.ragged:
        raise BadOption("resampling trades places between texts: give at least two, all of one length")
    taker = traded(n, seed)
    return _mapped(reading, lambda values: values[taker.to(values.device)])


def traded(n: int, seed: int) -> Int[Tensor, " n"]:
    """Whose place each of ``n`` takes: along one cycle, so that nobody keeps its own."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    taker = torch.empty_like(order)
    taker[order] = order.roll(1)
    return taker


def _mapped(reading: Reading, change: Callable[[Tensor], Tensor]) -> Reading:
    return Reading(reading.tokens, {site: change(values) for site, values in reading.values.items()})
