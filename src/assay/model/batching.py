"""Texts of unlike lengths in few rectangular passes."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def batches(lengths: Sequence[int], tokens: int, rows: int | None = None) -> list[list[int]]:
    """Group text numbers, shortest first, so that no rectangle holds more than ``tokens`` or ``rows``.

    Sorting keeps the padding small. A text longer than ``tokens`` goes alone.

    >>> batches([5, 1, 2, 9], tokens=6)
    [[1, 2], [0], [3]]
    """
    groups: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        # Ascending order: the newest text is the widest, so it sets the width of its group.
        size = len(groups[-1]) + 1 if groups else 1
        if not groups or size * lengths[number] > tokens or (rows is not None and size > rows):
            groups.append([])
        groups[-1].append(number)
    return groups


def pad_right(texts: Sequence[list[int]], device: torch.device) -> Int[Tensor, "n t"]:
    """One row per text, zeros behind; causal attention never looks there, so no mask is needed."""
    width = max(map(len, texts))
    return torch.tensor([ids + [0] * (width - len(ids)) for ids in texts], device=device)


def pad_left(
    texts: Sequence[list[int]], device: torch.device
) -> tuple[Int[Tensor, "n t"], Bool[Tensor, "n t"], Int[Tensor, "n t"]]:
    """Rows with zeros in front, the mask of real tokens, and positions counted from the first real token.

    Without the positions, models with learned positions (GPT-2) read the wrong ones.
    """
    width = max(map(len, texts))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in texts], device=device)
    lengths = torch.tensor([len(row) for row in texts], device=device)
    positions = torch.arange(width, device=device) - (width - lengths)[:, None]
    return ids, positions >= 0, positions.clamp_min(0)
