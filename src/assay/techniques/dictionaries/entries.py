"""Which latents are on at which rows: the few places of a large matrix that are not zero."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Entries:
    """Places (row, latent), row by row.

    >>> places = Entries(torch.tensor([0, 2, 3]), torch.tensor([1, 4, 0]), width=5)
    >>> places.rows.tolist(), places.dense(torch.tensor([1.0, 2.0, 3.0])).tolist()
    ([0, 0, 1], [[0.0, 1.0, 0.0, 0.0, 2.0], [3.0, 0.0, 0.0, 0.0, 0.0]])
    """

    starts: Int[Tensor, " n+1"]
    """The first place of each row, then the number of all places."""
    latents: Int[Tensor, " e"]
    width: int
    """Number of latents."""

    def __len__(self) -> int:
        return len(self.latents)

    @classmethod
    def of(cls, rows: Int[Tensor, " e"], latents: Int[Tensor, " e"], count: int, width: int) -> "Entries":
        """Places by row and latent, rows in order, of ``count`` rows."""
        return cls(_starts(rows, count), latents, width)

    @classmethod
    def where(cls, mask: Bool[Tensor, "n latent"]) -> "Entries":
        """All places where a mask holds."""
        rows, latents = mask.nonzero(as_tuple=True)
        return cls.of(rows, latents, *mask.shape)

    @cached_property
    def rows(self) -> Int[Tensor, " e"]:
        """The row of each place."""
        n = len(self.starts) - 1
        return torch.arange(n, device=self.starts.device).repeat_interleave(self.starts.diff())

    @cached_property
    def turned(self) -> "tuple[Int[Tensor, ' e'], Entries]":
        """The order of the places by latent, and they in that order with rows and latents exchanged."""
        order = self.latents.argsort(stable=True)
        starts = _starts(self.latents, self.width)
        return order, Entries(starts, self.rows[order], len(self.starts) - 1)

    def dense(self, values: Float[Tensor, " e"]) -> Float[Tensor, "n latent"]:
        """The whole matrix, with zeros at all other places."""
        whole = values.new_zeros(len(self.starts) - 1, self.width)
        return whole.index_put((self.rows, self.latents), values)

    def cut(self, bounds: Int[Tensor, " parts-1"]) -> "Entries":
        """The same places with every row cut in parts where its latents reach a bound.

        Places must be in the order of latents; row ``i`` becomes rows ``i parts`` to ``i parts + parts - 1``.
        """
        parts, part = len(bounds) + 1, torch.bucketize(self.latents, bounds, right=True)
        starts = _starts(self.rows * parts + part, parts * (len(self.starts) - 1))
        return Entries(starts, self.latents, self.width)

    def some(self, keep: Bool[Tensor, " e"]) -> "Entries":
        """The places that are marked."""
        return Entries(_starts(self.rows[keep], len(self.starts) - 1), self.latents[keep], self.width)


@dataclass(frozen=True, eq=False)
class Code:
    """How much each latent that is on is on; all others are zero."""

    places: Entries
    values: Float[Tensor, " e"]

    def dense(self) -> Float[Tensor, "n latent"]:
        """The whole matrix."""
        return self.places.dense(self.values)

    def fired(self) -> Bool[Tensor, " latent"]:
        """Which latents are on anywhere."""
        mask = torch.zeros(self.places.width, dtype=torch.bool, device=self.values.device)
        mask[self.places.latents[self.values > 0]] = True
        return mask


def _starts(numbers: Int[Tensor, " e"], count: int) -> Int[Tensor, " count+1"]:
    """Where each number begins in a sorted list of them."""
    starts = torch.zeros(count + 1, dtype=torch.long, device=numbers.device)
    torch.cumsum(torch.bincount(numbers, minlength=count), 0, out=starts[1:])
    return starts
