"""Scoring continuations with what their prompts have in common computed once."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from assay.model.batching import pad_left, pad_right
from assay.model.body import Body
from assay.model.halving import Pace, in_groups
from assay.model.sites.hooks import watched
from assay.model.sites.moment import Moment
from assay.model.unembedding import own_logprobs, unembedding_only, wide

_WORTHWHILE = 0.75
"""Largest share of the tokens that a fork may still need: a second pass has its own price."""


@dataclass(frozen=True)
class Fork:
    """Texts that begin alike."""

    texts: tuple[int, ...]
    stem: int
    """Leading tokens that are computed once: all that they share but the last, which predicts."""


def can_fork(body: Body) -> bool:
    """Whether texts may go on from keys and values of others.

    Not in models that remember in another way or bring code of their own, and not while anything watches or
    changes what passes through: it is to see every text whole.
    """
    model: Any = body.model
    if not type(model).__module__.startswith("transformers.") or model._is_stateful or watched(model):
        return False
    if body.rotations:  # a beginning is not turned as it is in the longer text
        return False
    kinds = {type(layer) for layer in DynamicCache(config=model.config).layers}
    return kinds <= {DynamicLayer, DynamicSlidingWindowLayer}


def forks(prompts: Sequence[str], ids: Sequence[list[int]], starts: Sequence[int]) -> list[Fork]:
    """The prompts that occur with several continuations, where starting from them saves enough tokens.

    Tokens before ``starts`` are the prompt's own, so all its texts share those before the first of them.

    >>> forks(["a", "b", "a"], [[1, 2, 3, 4], [1, 5], [1, 2, 3, 6, 7]], [3, 1, 3])
    [Fork(texts=(0, 2), stem=2)]
    """
    found: dict[str, list[int]] = {}
    for number, prompt in enumerate(prompts):
        if len(ids[number]) > starts[number]:
            found.setdefault(prompt, []).append(number)
    together = [
        Fork(tuple(texts), min(starts[n] for n in texts) - 1) for texts in found.values() if len(texts) > 1
    ]
    return [fork for fork in together if fork.stem and _share(fork, ids) <= _WORTHWHILE]


def _share(fork: Fork, ids: Sequence[list[int]]) -> float:
    """The part of the tokens that still go through; a text's last token never needs to."""
    lengths = [len(ids[number]) for number in fork.texts]
    return (fork.stem + sum(length - 1 - fork.stem for length in lengths)) / sum(lengths)


@dataclass(frozen=True)
class _Stems:
    """Beginnings that have been computed, padded on the left."""

    cache: DynamicCache
    mask: Bool[Tensor, "n t"]

    def branch(self, rows: Int[Tensor, " m"]) -> tuple[DynamicCache, Bool[Tensor, "m t"]]:
        """Copies to go on from, one for each row that is named; the stems stay as they are."""
        cache = copy(self.cache)
        cache.layers = [copy(layer) for layer in self.cache.layers]
        # indices on the CPU suit every device that a layer may lie on
        cache.batch_select_indices(rows)
        return cache, self.mask[rows]


@final
@dataclass(frozen=True)
class Scorer:
    """Scores the texts of forks: the stems in one pass, all that comes after them in another."""

    body: Body
    pace: Pace
    ids: Sequence[list[int]]
    starts: Sequence[int]
    most_logits: int

    def score(self, some: Sequence[Fork]) -> dict[int, Float[Tensor, " k"]]:
        """For each text the log-probabilities of its tokens from its start on."""
        found: dict[int, Tensor] = {}
        first = {fork.texts[0]: fork for fork in some}

        def begin(group: list[int]) -> None:
            found.update(self._group([first[number] for number in group]))

        # where softmax is taken in float32, the float64 mask of a row of mere padding makes it NaN
        rows = 1 if self.body.model.dtype == torch.float64 else None
        in_groups(self.pace, {number: fork.stem for number, fork in first.items()}, begin, rows=rows)
        return found

    def _group(self, together: list[Fork]) -> dict[int, Tensor]:
        stems, width = self._stems(together), max(fork.stem for fork in together)
        rows = {text: row for row, fork in enumerate(together) for text in fork.texts}
        found: dict[int, Tensor] = {}

        def finish(group: list[int]) -> None:
            places = torch.tensor([rows[text] for text in group])
            shared = [together[rows[text]].stem for text in group]
            found.update(zip(group, self._finished(stems, places, group, shared), strict=True))

        # what is kept for a token takes about an eighth of what its computation does
        behind = {text: len(self.ids[text]) - 1 - together[row].stem for text, row in rows.items()}
        sizes = {text: max(8 * more, width + more) for text, more in behind.items()}
        in_groups(self.pace, sizes, finish, tokens=8 * self.most_logits, times=8)
        return found

    def _stems(self, together: list[Fork]) -> _Stems:
        numbers = [fork.texts[0] for fork in together]
        texts = [self.ids[fork.texts[0]][: fork.stem] for fork in together]
        ids, mask, positions = pad_left(texts, self.body.device)
        named = torch.tensor(numbers, device=ids.device)
        with self.body.at(Moment(ids, positions.where(mask, -1), mask.sum(-1), named)):
            return _Stems(self.body.step(ids, mask, positions, None, head=False).past_key_values, mask)

    def _finished(
        self, stems: _Stems, rows: Int[Tensor, " n"], texts: list[int], shared: list[int]
    ) -> Sequence[Float[Tensor, " k"]]:
        """Run what comes after the stems of some texts, but for their last tokens, which predict nothing."""
        tails = [self.ids[text][stem:-1] for text, stem in zip(texts, shared, strict=True)]
        counts = [len(self.ids[text]) - self.starts[text] for text in texts]
        ids, begin = pad_right(tails, self.body.device), torch.tensor(shared, device=self.body.device)
        lengths = torch.tensor([len(tail) for tail in tails], device=ids.device)
        places = torch.arange(ids.shape[1], device=ids.device)
        inside = places < lengths[:, None]
        # padding repeats the last position: those behind it may lie outside the context
        positions = begin[:, None] + torch.minimum(places, lengths[:, None] - 1)
        named = torch.tensor(texts, device=ids.device)
        moment = Moment(ids, positions.where(inside, -1), begin + lengths + 1, named)
        # the last tokens of a tail predict those of the continuation
        where = torch.tensor([row for row, count in enumerate(counts) for _ in range(count)])
        before = torch.cat([torch.arange(-n, 0) + len(tail) for n, tail in zip(counts, tails, strict=True)])
        cache, mask = stems.branch(rows)
        # nobody looks ahead at padding, but padding that could not even see itself would be NaN in float64
        mask = torch.cat([mask, torch.ones_like(inside)], 1)
        with self.body.at(moment), unembedding_only(self.body.parts.head, where, before):
            logits = wide(self.body.step(ids, mask, positions, cache).logits[0])
        targets = torch.tensor([token for text in texts for token in self.ids[text][self.starts[text] :]])
        return own_logprobs(logits, targets).cpu().split(counts)
