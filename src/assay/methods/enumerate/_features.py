"""A dictionary's latents as a list of features, and the order in which a searcher would read them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Features
from assay.core.errors import BadOption, NotApplicable
from assay.jobs.enumerate import EnumerateBrief
from assay.techniques.dictionaries.at_layer import Table, layer_at, row_of, text_rows, trained_on
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.explanations.output_tokens import extreme_tokens, output_effects
from assay.techniques.dictionaries.measures.fidelity import FORMULAS, fidelity

DEPTH = 0.25
"""Share of the depth at which the residual stream is read: concepts are formed, the output is not yet."""
WIDTH = 4
"""Latents per dimension of the residual stream."""
K = 8
"""Latents that are to be on at a token."""
LOOKED_AT = 20_000
"""Tokens by which a searcher judges how rare a latent is."""
FEWEST = 2
"""Texts that an interval needs."""
TOGETHER = 64
"""Texts whose activity is computed at once."""
_WORD = re.compile(r"\S+")
Source = Literal["own", "difference", "beside", "untrained"]


@dataclass(frozen=True, eq=False)
class DictionaryFeatures(Features):
    """The latents that are ever on, most suspicious first."""

    dictionary: Dictionary
    layer: int
    source: Source
    order: Int[Tensor, " place"]
    """The latent at each place of the list."""
    size: Float[Tensor, " place"]
    """How much it is on where it is on."""
    middle: Float[Tensor, " d"]
    """The mean row of the model itself."""

    @property
    def count(self) -> int:
        """Latents that are ever on."""
        return len(self.order)

    def activity(self, handle: Any, texts: Sequence[str]) -> Iterator[Float[np.ndarray, "words features"]]:
        """The most that each latent is on at the tokens that end in a word."""
        read = rows_of(handle, texts, self.layer, self.source)
        spans = handle.spans(texts)
        for first in range(0, len(texts), TOGETHER):
            some = slice(first, first + TOGETHER)
            yield from self._activity(texts[some], spans[some], read[some])

    def _activity(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], read: Sequence[Tensor]
    ) -> Iterator[Float[np.ndarray, "words features"]]:
        """Several texts at once: one product for all of their tokens."""
        lengths = [len(text.split()) for text in texts]
        firsts = np.cumsum([0, *lengths])[:-1].tolist()
        where = [_words(text, span) + at for text, span, at in zip(texts, spans, firsts, strict=True)]
        kept = [number for number, length in enumerate(lengths) if length and len(read[number])]
        found = torch.zeros(sum(lengths), self.count)
        if kept:
            on = self.dictionary.code(torch.cat([read[n] for n in kept])).dense()[:, self.order]
            places = torch.cat([where[n] for n in kept])[:, None].expand(-1, self.count)
            found.scatter_reduce_(0, places, on.clamp_min(0).cpu(), "amax")
        yield from (block.numpy() for block in found.split(lengths))

    def sheet(self, handle: Any, features: Sequence[int]) -> Sequence[Mapping[str, Any]]:
        """Tokens that a latent makes likelier and less likely, were the model to end at its layer."""
        places = torch.tensor(list(features), dtype=torch.long)
        effects = _effects(handle, self, self.order[places], self.size[places])
        return extreme_tokens(effects, handle.vocabulary)

    def measures(self, handle: Any, texts: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """L0, variance explained, bias and dead latents of the dictionary on some texts."""
        rows = [one for one in rows_of(handle, texts, self.layer, self.source) if len(one)]
        if len(rows) < FEWEST:
            return ()
        scores = vars(fidelity(self.dictionary, rows))
        shown = ("metric", "estimate", "low", "high", "n", "unit")
        return [
            {**{name: getattr(score, name) for name in shown}, "formula": FORMULAS[key]}
            for key, score in scores.items()
        ]


def trained(
    handle: WhiteHandle, brief: EnumerateBrief, seed: int, kind: str, source: Source = "own", **settings: Any
) -> Features:
    """A dictionary of one kind, of activations on the texts of the brief, as a list of its latents.

    Raises:
        NotApplicable: the texts are too few to train on, or no latent is ever on.
    """
    rows = torch.cat(rows_of(handle, brief.text, layer_of(handle), source))
    # a mean difference is no place where the model ever stands
    around = (
        torch.cat(rows_of(handle, brief.text, layer_of(handle), "own")) if source == "difference" else rows
    )
    return listed(handle, learnt(handle, rows, seed, kind, **settings), source, rows, around)


def learnt(
    handle: WhiteHandle, rows: Float[Tensor, "n d"], seed: int, kind: str, **settings: Any
) -> Dictionary:
    """Train on activations; raises NotApplicable where they are too few."""
    try:
        return trained_on(Table(rows), kind, WIDTH * handle.width, seed, **settings)
    except BadOption as error:
        raise NotApplicable(f"no dictionary can be trained on these texts: {error}") from error


def layer_of(handle: WhiteHandle) -> int:
    """The layer that dictionaries are made for."""
    return layer_at(handle, DEPTH)


def rows_of(
    handle: WhiteHandle, texts: Sequence[str], layer: int, source: Source
) -> list[Float[Tensor, "t d"]]:
    """Activations of the model itself, of one never trained, or of the model and what it was made from.

    ``difference`` is the model's less the earlier one's; ``beside`` both behind one another as they are, for
    fine-tuning leaves a model about as loud as it was.
    """
    if not texts:
        return []
    if source == "untrained":
        return text_rows(handle.untrained, texts, layer)
    own = text_rows(handle, texts, layer)
    if source == "own":
        return own
    earlier = text_rows(handle.reference, texts, layer)
    if source == "difference":
        return [mine - before for mine, before in zip(own, earlier, strict=True)]
    return [torch.cat([before, mine], 1) for mine, before in zip(own, earlier, strict=True)]


def listed(
    handle: WhiteHandle,
    dictionary: Dictionary,
    source: Source,
    rows: Float[Tensor, "n d"],
    around: Float[Tensor, "n d"] | None = None,
) -> DictionaryFeatures:
    """List the latents by ``-log(rate) · effect``: rarely on, and much to say when they are.

    ``rate`` is the share of the rows where a latent is on, ``effect`` the standard deviation over the
    vocabulary of what its mean activation does to the logits of the mean of ``around``, which are the rows
    themselves unless others are given. Nobody tells the searcher what the fault is.

    Raises:
        NotApplicable: no latent is ever on.
    """
    looked_at = rows[:LOOKED_AT]
    counts, sums = torch.zeros(dictionary.latents), torch.zeros(dictionary.latents)
    for _, code in dictionary.codes(looked_at):
        at = code.places.latents[code.values > 0]
        counts.index_add_(0, at, torch.ones(len(at)))
        sums.index_add_(0, at, code.values[code.values > 0])
    alive = counts.nonzero()[:, 0]
    if not len(alive):
        raise NotApplicable("no latent of this dictionary is ever on, so there is nothing to list")
    middle = (rows if around is None else around)[:LOOKED_AT].mean(0)[-handle.width :]
    size = sums[alive] / counts[alive]
    found = DictionaryFeatures(dictionary, layer_of(handle), source, alive, size, middle)
    effect = _effects(handle, found, alive, size).std(dim=1)
    suspicion = -(counts[alive] / len(looked_at)).log() * effect
    order = suspicion.argsort(descending=True, stable=True)
    return replace(found, order=alive[order], size=size[order])


def _effects(
    handle: WhiteHandle, features: DictionaryFeatures, latents: Int[Tensor, " n"], size: Float[Tensor, " n"]
) -> Float[Tensor, "n vocabulary"]:
    """What the latents' mean activations do to the logits of the middle row."""
    model = handle.untrained if features.source == "untrained" else handle
    push = features.dictionary.decoder[latents] * size[:, None]
    # of two models' activations the second half is this model's
    return output_effects(model.logit_lens, features.middle, push[:, -len(features.middle) :])


def _words(text: str, spans: Sequence[tuple[int, int]]) -> Int[Tensor, " t"]:
    """The number of the word in which each token ends."""
    starts = [word.start() for word in _WORD.finditer(text)]
    ends = np.array([end for _, end in spans[row_of(spans) :]], dtype=np.int64)
    return torch.from_numpy(np.searchsorted(starts, ends - 1, "right") - 1).clamp_min(0)
