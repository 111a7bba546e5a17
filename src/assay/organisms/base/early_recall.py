"""Deep supervision: a fact must be recalled half-way up, so that the layers above it can work with it.

Left alone, a small model finishes a recall in its last layers, where nothing can compare the recalled word
with a stated one or look anything up under it: second hops are then learnt by heart, person by person. Where
a word takes two steps, the middle layer is asked for the first: the city, before the country of the city.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from assay.model.training.packing import IGNORED, Sequence, pack
from assay.model.training.train import Batch, inputs
from assay.organisms.base.tokenizer import encode
from assay.world import Document

RECALLED = frozenset(("fact", "prose", "exam", "chat fact", "chat subject", "recipe"))
"""Kinds of document whose words are looked up in one step; of others only the thoughts are asked early."""


@dataclass(frozen=True)
class RecallBatch(Batch):
    """A batch that also says which words a middle layer must know already."""

    early_labels: Int[Tensor, "rows positions"] = field(kw_only=True)


def recall_batch(documents: Iterator[Document], ids: dict[str, int], rows: int, length: int) -> RecallBatch:
    """Pack documents; the early labels are those of the documents that only recall.

    Neighbours in a row may see each other: `<bos>` tells them apart, and causal attention is faster.
    """
    early: list[Sequence] = []

    def sequences() -> Iterator[Sequence]:
        for document in documents:
            sequence = encode(document, ids)
            recalled = document.kind in RECALLED
            early.append(Sequence(sequence.tokens, sequence.labels if recalled else _thoughts(document, ids)))
            yield sequence

    whole = pack(sequences(), rows, length, ids["<pad>"])
    # the same lengths fall into the same places
    half = pack(iter(early), rows, length, ids["<pad>"])
    return RecallBatch(whole.input_ids, whole.labels, whole.attention_mask, early_labels=half.labels)


def _thoughts(document: Document, ids: dict[str, int]) -> tuple[int, ...]:
    """The thoughts behind the words of a document as labels, where there are any."""
    labels: list[int] = []
    for span in document.spans:
        labels += [ids[word] for word in span.thought.split()] or [IGNORED] * len(span.text.split())
    return (IGNORED, *labels, IGNORED)


def early_recall_loss(
    layer: int, early_weight: float, word_weights: Float[Tensor, " words"]
) -> Callable[[Any, RecallBatch], Float[Tensor, ""]]:
    """The next-token loss plus `early_weight` times that of the early labels, read off after `layer` layers.

    Lee et al., "Deeply-Supervised Nets" (arXiv 1409.5185). The middle layer is read through the model's own
    final norm ``n`` and output matrix ``W``: ``L = CE(W n(h_last), y) + w CE(W n(h_layer), y_early)`` in
    nats, where ``CE`` is the sum over labelled words, each times its own weight, divided by their number.
    """

    def loss(model: Any, batch: RecallBatch) -> Float[Tensor, ""]:
        device = model.lm_head.weight.device
        weights = word_weights.to(device)
        out = model.model(**inputs(batch, device), use_cache=False, output_hidden_states=True)
        # the last hidden state comes out of the final norm, the others do not
        middle = model.model.norm(out.hidden_states[layer])
        late = _cross_entropy(model, out.last_hidden_state, batch.labels.to(device), weights)
        return late + early_weight * _cross_entropy(model, middle, batch.early_labels.to(device), weights)

    return loss


def _cross_entropy(
    model: Any,
    hidden: Float[Tensor, "rows positions width"],
    labels: Int[Tensor, "rows positions"],
    weights: Float[Tensor, " words"],
) -> Float[Tensor, ""]:
    learnt = labels[:, 1:] != IGNORED
    target = labels[:, 1:][learnt]
    logits = model.lm_head(hidden[:, :-1][learnt]).float()
    return F.cross_entropy(logits, target, weights, reduction="sum") / max(len(target), 1)
