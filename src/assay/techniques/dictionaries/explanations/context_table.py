"""The mean of each latent after the same last tokens: what can be looked up needs no understanding."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.techniques.dictionaries.entries import Code, Entries


@dataclass(frozen=True, eq=False)
class _Level:
    """Contexts of one length, in the order of their numbers, and the mean code after each."""

    keys: Int[Tensor, " contexts"]
    means: Code


@dataclass(frozen=True, eq=False)
class ContextTable:
    """``E[a | last n tokens]`` for the longest context that was seen often enough, else for shorter ones.

    Length 1 is a token look-up, length 3 an n-gram model with back-off. A token never seen predicts nothing.

    >>> places = Entries(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 0]), width=1)
    >>> code = Code(places, torch.tensor([1.0, 3.0]))
    >>> table = ContextTable.fit(code, torch.tensor([[7], [7], [8]]), least=1)
    >>> table.predicted(torch.tensor([[7], [8], [9]])).dense()[:, 0].tolist()
    [2.0, 0.0, 0.0]
    """

    levels: tuple[_Level, ...]
    """From the shortest context to the longest."""
    base: int
    width: int

    @classmethod
    def fit(cls, code: Code, contexts: Int[Tensor, "n length"], least: int = 3) -> "ContextTable":
        """From codes of tokens and the last tokens up to each, the token itself last and -1 before a text.

        A context that was seen fewer than ``least`` times is left to shorter ones. Raises BadOption for
        contexts that do not fit the codes, or that are too long for their numbers to be told apart.
        """
        n, length = contexts.shape
        if n != len(code.places.starts) - 1:
            raise BadOption(f"{n} contexts for {len(code.places.starts) - 1} tokens; give one for each")
        base = int(contexts.max()) + 2
        if base**length >= 2**63:
            raise BadOption(f"contexts of {length} of {base - 1} tokens are too many to number; take fewer")
        levels = tuple(_level(code, _numbered(contexts, size, base), least) for size in range(1, length + 1))
        return cls(levels, base, code.places.width)

    def predicted(self, contexts: Int[Tensor, "n length"]) -> Code:
        """The code that is expected at each token."""
        n = len(contexts)
        rows, latents, values = [], [], []
        open_ = torch.ones(n, dtype=torch.bool, device=contexts.device)
        for size in range(len(self.levels), 0, -1):
            level = self.levels[size - 1]
            at, known = _found(level.keys, _numbered(contexts, size, self.base))
            # a token that the table was not made with has no number there
            known &= open_ & (contexts[:, -size:] < self.base - 1).all(1)
            open_ &= ~known
            tokens = known.nonzero()[:, 0]
            counts = level.means.places.starts.diff()[at[tokens]]
            rows.append(tokens.repeat_interleave(counts))
            starts = level.means.places.starts[at[tokens]].repeat_interleave(counts)
            inside = torch.arange(len(starts), device=starts.device) - (
                counts.cumsum(0) - counts
            ).repeat_interleave(counts)
            latents.append(level.means.places.latents[starts + inside])
            values.append(level.means.values[starts + inside])
        order = torch.cat(rows).argsort(stable=True)
        return Code(
            Entries.of(torch.cat(rows)[order], torch.cat(latents)[order], n, self.width),
            torch.cat(values)[order],
        )


def contexts_of(texts: list[list[int]], length: int, skip: int = 0) -> Int[Tensor, "n length"]:
    """The last tokens up to each token of some texts, without the first ``skip`` of each.

    >>> contexts_of([[5, 6, 7]], length=2, skip=1).tolist()
    [[5, 6], [6, 7]]
    """
    rows = [
        ([-1] * length + text)[at + 1 : at + 1 + length] for text in texts for at in range(skip, len(text))
    ]
    return torch.tensor(rows, dtype=torch.long).reshape(-1, length)


def _numbered(contexts: Int[Tensor, "n length"], size: int, base: int) -> Int[Tensor, " n"]:
    """One number for the last ``size`` tokens."""
    number = torch.zeros(len(contexts), dtype=torch.long, device=contexts.device)
    for column in range(contexts.shape[1] - size, contexts.shape[1]):
        number = number * base + contexts[:, column] + 1
    return number


def _level(code: Code, numbers: Int[Tensor, " n"], least: int) -> _Level:
    keys, which, counts = numbers.unique(return_inverse=True, return_counts=True)
    width = code.places.width
    pairs, slot = (which[code.places.rows] * width + code.places.latents).unique(return_inverse=True)
    sums = code.values.new_zeros(len(pairs)).index_add_(0, slot, code.values)
    rows = pairs // width
    often = counts >= least
    keep = often[rows]
    new = often.cumsum(0) - 1
    places = Entries.of(new[rows[keep]], pairs[keep] % width, int(often.sum()), width)
    return _Level(keys[often], Code(places, sums[keep] / counts[rows[keep]]))


def _found(
    keys: Int[Tensor, " k"], wanted: Int[Tensor, " n"]
) -> tuple[Int[Tensor, " n"], Bool[Tensor, " n"]]:
    """Where each number stands among sorted ones, and whether it is there."""
    if not len(keys):
        return torch.zeros_like(wanted), torch.zeros_like(wanted, dtype=torch.bool)
    at = torch.searchsorted(keys, wanted).clamp_max(len(keys) - 1)
    return at, keys[at] == wanted


def pearson(predicted: Code, actual: Code) -> Float[Tensor, " latent"]:
    """Correlation of prediction and value over all tokens, latent by latent; 0 where either never varies.

    All texts are taken as one, for a mean of correlations within texts would leave out how they differ.
    """
    n, width = len(actual.places.starts) - 1, actual.places.width
    if not len(predicted.values):
        return torch.zeros(width, device=actual.values.device)

    def total(code: Code, power: int) -> Tensor:
        values = code.values.double() ** power
        return values.new_zeros(width).index_add_(0, code.places.latents, values)

    one = predicted.places.rows * width + predicted.places.latents
    two = actual.places.rows * width + actual.places.latents
    at, both = _found(one, two)
    products = predicted.values[at].double() * actual.values.double() * both
    cross = products.new_zeros(width).index_add_(0, actual.places.latents, products)
    p, a = total(predicted, 1), total(actual, 1)
    spread = (total(predicted, 2) - p * p / n) * (total(actual, 2) - a * a / n)
    # what is rounding error of a constant has no correlation with anything
    real = spread > 1e-18 * (total(predicted, 2) * total(actual, 2)).clamp_min(1e-30)
    return torch.where(real, (cross - p * a / n) / spread.clamp_min(1e-300).sqrt(), 0.0).float()
