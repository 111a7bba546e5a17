"""A dictionary of one layer of the model behind a handle, with activations read through it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.access import WhiteHandle
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.kinds import technique
from assay.techniques.dictionaries.rows import Rows
from assay.techniques.dictionaries.train import Plan, train

EPOCHS = 3
"""Times that every token is trained on, where texts are few."""
BATCH = 512
RATE = 3e-3
"""Adam's step. With a few hundred steps the papers' rates end long before the dictionary has settled."""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows in memory, by number."""

    values: Float[Tensor, "n d"]

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, indices: Int[Tensor, " k"]) -> Float[Tensor, "k d"]:
        """Some rows in the order asked for."""
        return self.values[indices]


def layer_at(handle: WhiteHandle, depth: float) -> int:
    """The layer at a share of depth, counted as in ``Method.default_setting``."""
    return max(1, min(handle.n_layers, round(depth * handle.n_layers)))


def text_rows(handle: WhiteHandle, texts: Sequence[str], layer: int) -> list[Float[Tensor, "t d"]]:
    """The residual stream at every token of each text, less those that the tokenizer puts in front.

    Those are the same in every text and far louder than all others, so a dictionary would spend itself on
    them.
    """
    spans = handle.spans(texts)
    rows = handle.sequence_activations(texts, layer)
    return [one[row_of(span) :] for one, span in zip(rows, spans, strict=True)]


def row_of(spans: Sequence[tuple[int, int]]) -> int:
    """The number of the first token that covers any of the text.

    >>> row_of([(0, 0), (0, 4), (4, 5)])
    1
    """
    return next((number for number, (start, end) in enumerate(spans) if end > start), len(spans))


def trained_on(
    rows: Rows, kind: str, latents: int, seed: int, rate: float | None = RATE, **settings: object
) -> Dictionary:
    """A dictionary of some activations, in batches and epochs that suit a hundred thousand tokens.

    Raises:
        BadOption: fewer rows than one batch, or rows that hold NaN.
    """
    plan = Plan(technique(kind, **settings), latents, EPOCHS * len(rows), batch=BATCH, seed=seed, rate=rate)
    return train(rows, plan)


def at_layer(
    handle: WhiteHandle, texts: Sequence[str], layer: int, latents: int, seed: int, k: int = 16
) -> Dictionary:
    """A BatchTopK dictionary of one layer on some texts; raises what ``trained_on`` raises."""
    rows = torch.cat(text_rows(handle, texts, layer))
    return trained_on(Table(rows), "batch_topk", latents, seed, k=k)
