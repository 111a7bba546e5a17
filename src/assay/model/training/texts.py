"""Texts of which some tokens are to be learnt, and where those are predicted."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.engine import Engine


@dataclass(frozen=True)
class Text:
    """The tokens of a text."""

    ids: list[int]
    first: int
    """The first token that is to be learnt."""

    @property
    def learnt(self) -> int:
        """How many tokens are to be learnt."""
        return len(self.ids) - self.first


@dataclass(frozen=True)
class Told:
    """The tokens to be learnt in a pass, and where they are predicted."""

    rows: Int[Tensor, " k"]
    positions: Int[Tensor, " k"]
    targets: Int[Tensor, " k"]
    shares: Float[Tensor, " k"]
    """One over the number of such tokens in the text."""

    @classmethod
    def of(cls, texts: Sequence[Text], device: torch.device) -> "Told":
        """Those of some texts, one text after the other."""
        told = [
            (row, at - 1, text.ids[at], 1 / text.learnt)
            for row, text in enumerate(texts)
            for at in range(text.first, len(text.ids))
        ]
        rows, positions, targets, shares = (torch.tensor(c, device=device) for c in zip(*told, strict=True))
        return cls(rows, positions, targets, shares)


def texts_of(engine: Engine, prompts: Sequence[str], continuations: Sequence[str]) -> list[Text]:
    """Prompts with their continuations, cut as ``Engine.split`` cuts them.

    Raises:
        BadOption: a text without a token to be learnt.
    """
    joined, firsts = engine.split(prompts, continuations)
    texts = [Text(ids, first) for ids, first in zip(engine.encode(joined), firsts, strict=True)]
    for number, text in enumerate(texts):
        if text.first >= len(text.ids):
            raise BadOption(f"text {number} (counting from 0), {joined[number]!r}, has no token to be learnt")
    return texts
