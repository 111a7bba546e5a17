"""What a step of training sees: parts of pairs and of documents, drawn by a seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.errors import NotApplicable
from assay.core.exam import Told
from assay.model.training.descent import Pair

BATCH = 16
"""Texts of a step about one thing: what is to be forgotten, or what must stay."""


@dataclass(frozen=True)
class Draws:
    """Texts of one kind as pairs with a prompt and as whole documents; each step sees half and half."""

    pairs: tuple[Pair, ...]
    documents: tuple[Pair, ...]
    """Pairs without a prompt."""
    seed: int
    size: int = BATCH

    def at(self, step: int) -> list[Pair]:
        """The texts of a step, which depend on nothing but the seed and its number."""
        if not self.pairs or not self.documents:
            return _drawn(self.pairs or self.documents, self.size, step, f"{self.seed}/all")
        half = self.size // 2
        pairs = _drawn(self.pairs, self.size - half, step, f"{self.seed}/pairs")
        return pairs + _drawn(self.documents, half, step, f"{self.seed}/documents")

    def texts_at(self, step: int) -> list[str]:
        """The same as whole texts."""
        return [pair.prompt + pair.reply for pair in self.at(step)]


def draws(pairs: Sequence[Told], documents: Sequence[str], seed: int, size: int = BATCH) -> Draws:
    """Make ready what is told.

    Raises:
        NotApplicable: nothing is told at all.
    """
    if not pairs and not documents:
        raise NotApplicable(
            "the brief holds neither pairs nor documents of one kind, so there is nothing to train on"
        )
    return Draws(tuple(map(as_pair, pairs)), tuple(Pair("", text) for text in documents), seed, size)


def as_pair(told: Told) -> Pair:
    """With the space before the reply."""
    return Pair(told.prompt, f" {told.reply}")


def _drawn(items: Sequence[Pair], size: int, step: int, label: str) -> list[Pair]:
    """The next items of one shuffle after the other; all where there are no more than are wanted."""
    if len(items) <= size:
        return list(items)
    rounds, orders = len(items), dict[int, list[int]]()
    found: list[Pair] = []
    for place in range(step * size, (step + 1) * size):
        turn, at = divmod(place, rounds)
        if turn not in orders:
            orders[turn] = random.Random(f"{label}/{turn}").sample(range(rounds), rounds)
        found.append(items[orders[turn][at]])
    return found
