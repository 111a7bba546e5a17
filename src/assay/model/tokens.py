"""Texts as the white-box functions see them: one rectangle of token ids, padded on the right."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.batching import pad_right
from assay.model.sites.moment import At, Moment, chosen


@dataclass(frozen=True)
class Tokens:
    """Right-padded rows; a causal model never looks at that padding, and no result holds it.

    >>> tokens = Tokens.of([[5, 6, 7], [8]])
    >>> tokens.ids.tolist(), tokens.mask().tolist()
    ([[5, 6, 7], [8, 0, 0]], [[True, True, True], [True, False, False]])
    """

    ids: Int[Tensor, "n t"]
    lengths: Int[Tensor, " n"]
    numbers: Int[Tensor, " n"]
    """Which of the caller's texts each row is."""

    @classmethod
    def of(
        cls,
        rows: Sequence[list[int]],
        device: torch.device | None = None,
        numbers: Sequence[int] | None = None,
    ) -> "Tokens":
        """Pad rows of ids; raises BadOption where there is none, or an empty one."""
        if not rows or not all(rows):
            raise BadOption("no tokens: give at least one text, and none without a token")
        device = device or torch.device("cpu")
        lengths = torch.tensor([len(row) for row in rows], device=device)
        names = torch.tensor(range(len(rows)) if numbers is None else list(numbers), device=device)
        return cls(pad_right(rows, device), lengths, names)

    def __len__(self) -> int:
        return len(self.ids)

    def pick(self, rows: Sequence[int]) -> "Tokens":
        """Some of the texts, no wider than the longest of them."""
        lengths = self.lengths[list(rows)]
        return Tokens(self.ids[list(rows), : int(lengths.max())], lengths, self.numbers[list(rows)])

    @cached_property
    def moment(self) -> Moment:
        """The pass in which all positions are computed at once."""
        places = torch.arange(self.ids.shape[1], device=self.ids.device).expand(self.ids.shape)
        inside = places < self.lengths[:, None]
        return Moment(self.ids, places.where(inside, -1), self.lengths, self.numbers)

    @cached_property
    def ragged(self) -> bool:
        """Whether some texts are shorter than others."""
        return bool((self.lengths < self.ids.shape[1]).any())

    def mask(self, at: At = None) -> Bool[Tensor, "n t"]:
        """Where the chosen positions are; raises BadOption for one outside a text."""
        return chosen(at, self.moment)
