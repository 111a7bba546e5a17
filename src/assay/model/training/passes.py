"""Passes through a model in training: what a loss may ask, with gradients or of the model as it was."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.core.price import Price
from assay.model.batching import batches
from assay.model.engine import Engine
from assay.model.halving import in_groups
from assay.model.sites.site import Site
from assay.model.tokens import Tokens
from assay.model.training.lens import ended
from assay.model.training.texts import Text, Told, texts_of
from assay.model.unembedding import logits_at, own_logprobs, wide

_LOGIT_ELEMENTS = 2**26
"""Most logits of one pass without gradients."""
_KEPT_BYTES = 2**28
"""Most that is remembered of the model as it was."""


@dataclass(frozen=True)
class Pair:
    """A prompt and its continuation; with an empty prompt the whole text is learnt."""

    prompt: str
    reply: str
    """With its own leading space where there is a prompt."""


@final
class Passes:
    """What a loss may ask of the model that is being trained.

    Results have gradients, and stand in float32 or better on the model's device. With ``before=True`` they
    are those of the model as it was at the start, with no lever in force and without gradients; these are
    remembered text by text, so that each text costs one pass. Gradients of all texts of a step have to fit
    into memory together. Everything asked is counted in ``price``.
    """

    def __init__(
        self,
        engine: Engine,
        current: Callable[[], AbstractContextManager[None]],
        original: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._engine, self._current, self._original = engine, current, original
        self._texts: dict[Pair, Text] = {}
        self._ids: dict[str, Text] = {}
        self._kept: dict[Hashable, Tensor] = {}
        self._kept_bytes = 0
        self._widths: dict[Site, int] = {}
        self.price = Price()
        """Texts, tokens and operations of all passes so far; the way back is counted to the first layer."""

    @property
    def device(self) -> torch.device:
        """Where results are."""
        return self._engine.device

    def logprobs(
        self, pairs: Sequence[Pair], *, before: bool = False
    ) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
        """Summed log-probability of each pair's reply tokens given what precedes, and their number.

        The seam is cut as in ``Engine.split``. Raises BadOption for a pair without a token to learn.
        """
        texts = self._read(pairs)
        counts = torch.tensor([text.learnt for text in texts], device=self.device)
        keys = [("logprobs", pair) for pair in pairs]
        return self._asked(keys, texts, self._sums, [1] * len(texts), before), counts

    def distributions(self, texts: Sequence[str], *, before: bool = False) -> Float[Tensor, "k vocabulary"]:
        """Log-probabilities at every position that predicts a token of its text, texts one after the other.

        A text of T tokens, the tokenizer's own start token among them, has T - 1 such positions.
        """
        read = self._read([Pair("", text) for text in texts])
        keys = [("distributions", text) for text in texts]
        return self._asked(keys, read, self._rows, [text.learnt for text in read], before)

    def states(
        self, texts: Sequence[str], sites: Sequence[str], *, before: bool = False
    ) -> Mapping[str, Float[Tensor, "k width"]]:
        """Values of sites at every token of the texts but those that the tokenizer puts in front.

        One text after the other; of a site with heads the heads side by side. The pass ends after the last
        site. Raises BadOption for a site that the model lacks.
        """
        start, wanted = len(self._engine.prefix), [Site.parse(site) for site in sites]
        new = [text for text in dict.fromkeys(texts) if text not in self._ids]
        self._ids.update((t, Text(ids, start)) for t, ids in zip(new, self._engine.encode(new), strict=True))
        read = [self._ids[text] for text in texts]
        keys, sizes = [("states", text, *sites) for text in texts], [text.learnt for text in read]
        whole = self._asked(
            keys, read, lambda some, numbers: self._seen(some, numbers, wanted), sizes, before
        )
        widths = [self._widths[site] for site in wanted]
        return dict(zip(sites, whole.split(widths, dim=-1), strict=True))

    def lens(
        self, pairs: Sequence[Pair], blocks: Sequence[int], *, before: bool = False
    ) -> tuple[Float[Tensor, "n block"], Int[Tensor, " n"]]:
        """As ``logprobs``, were the model to end behind each of some blocks, counted from 0: the logit lens.

        Behind the last block it is what ``logprobs`` gives. Raises BadOption for a block that the model
        lacks.
        """
        texts = self._read(pairs)
        counts = torch.tensor([text.learnt for text in texts], device=self.device)
        keys = [("lens", pair, *blocks) for pair in pairs]
        sites = [Site("resid_post", block) for block in blocks]
        sums = self._asked(
            keys, texts, lambda some, numbers: self._lensed(some, numbers, sites), [1] * len(texts), before
        )
        return sums, counts

    def _read(self, pairs: Sequence[Pair]) -> list[Text]:
        """Token ids of pairs, each read once."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._texts]
        read = texts_of(self._engine, [pair.prompt for pair in new], [pair.reply for pair in new])
        self._texts.update(zip(new, read, strict=True))
        return [self._texts[pair] for pair in pairs]

    def _asked(
        self, keys: Sequence[Hashable], texts: list[Text], measure: "_Measure", sizes: list[int], before: bool
    ) -> Tensor:
        """What is measured on texts, text after text."""
        if not texts:
            raise BadOption("a pass over no text; give at least one")
        found = {number: self._kept[key] for number, key in enumerate(keys) if before and key in self._kept}
        lengths = {n: len(text.ids) for n, text in enumerate(texts) if n not in found}

        def work(numbers: list[int]) -> None:
            values = measure([texts[number] for number in numbers], numbers)
            found.update(zip(numbers, values.split([sizes[number] for number in numbers]), strict=True))

        if before or not torch.is_grad_enabled():
            most = max(_LOGIT_ELEMENTS // self._engine.vocabulary, 1)
            with torch.no_grad(), self._original() if before else self._current():
                in_groups(self._engine, lengths, work, tokens=most)
        else:
            with self._current():
                for group in batches(list(lengths.values()), self._engine.batch_tokens):
                    work(group)
        if before:
            self._keep({keys[number]: found[number] for number in lengths})
        return torch.cat([found[number] for number in range(len(texts))])

    def _keep(self, values: Mapping[Hashable, Tensor]) -> None:
        size = sum(value.nbytes for value in values.values())
        if self._kept_bytes + size <= _KEPT_BYTES:
            self._kept.update((key, value.clone()) for key, value in values.items())
            self._kept_bytes += size

    def _sums(self, texts: Sequence[Text], numbers: list[int]) -> Float[Tensor, " n"]:
        logits, told = self._logits(texts, numbers)
        values = own_logprobs(logits, told.targets)
        return values.new_zeros(len(texts)).index_add(0, told.rows.to(values.device), values).to(self.device)

    def _rows(self, texts: Sequence[Text], numbers: list[int]) -> Float[Tensor, "k vocabulary"]:
        return self._logits(texts, numbers)[0].log_softmax(-1).to(self.device)

    def _logits(
        self, texts: Sequence[Text], numbers: list[int]
    ) -> tuple[Float[Tensor, "k vocabulary"], Told]:
        told = Told.of(texts, self.device)
        self._count(texts, None, len(told.targets))
        tokens = Tokens.of([text.ids for text in texts], self.device, numbers)
        return logits_at(self._engine.body, tokens, told.rows, told.positions), told

    def _seen(self, texts: Sequence[Text], numbers: list[int], sites: list[Site]) -> Float[Tensor, "k width"]:
        whole = any(site.kind == "logits" for site in sites)
        top = None if whole else max(0 if site.layer is None else site.layer + 1 for site in sites)
        self._count(texts, top, sum(len(text.ids) for text in texts) if whole else 0)
        tokens = Tokens.of([text.ids for text in texts], self.device, numbers)
        seen = self._engine.body.capture(tokens, sites)
        mask = tokens.mask(slice(len(self._engine.prefix), None))
        values = [wide(seen[site][mask.to(seen[site].device)].flatten(1)).to(self.device) for site in sites]
        self._widths.update(zip(sites, (value.shape[1] for value in values), strict=True))
        return torch.cat(values, dim=-1)

    def _lensed(
        self, texts: Sequence[Text], numbers: list[int], sites: list[Site]
    ) -> Float[Tensor, "n block"]:
        told = Told.of(texts, self.device)
        self._count(texts, max(site.layer or 0 for site in sites) + 1, 0)
        tokens = Tokens.of([text.ids for text in texts], self.device, numbers)
        seen = self._engine.body.capture(tokens, sites)
        rows = [
            stream[told.rows.to(stream.device), told.positions.to(stream.device)].to(self.device)
            for stream in (seen[site] for site in sites)
        ]
        self._spend([1] * sum(map(len, rows)), None, sum(map(len, rows)))
        values = own_logprobs(ended(self._engine, torch.cat(rows)), told.targets.repeat(len(sites)))
        by_place = values.to(self.device).view(len(sites), -1).T
        return by_place.new_zeros(len(texts), len(sites)).index_add(0, told.rows, by_place)

    def _count(self, texts: Sequence[Text], up_to: int | None, logits: int) -> None:
        self._spend([len(text.ids) for text in texts], up_to, logits)

    def _spend(self, lengths: list[int], up_to: int | None, logits: int) -> None:
        """Put a pass over texts of some lengths on the bill."""
        flops = self._engine.shape.forward(lengths, up_to, logits)
        back = torch.is_grad_enabled()
        tokens = sum(lengths)
        # a pass back takes twice the operations of the pass there
        self.price += Price(len(lengths), tokens, tokens if back else 0, flops * (3 if back else 1))


_Measure = Callable[[Sequence[Text], list[int]], Tensor]
"""(texts, their numbers) -> what is measured, one text after the other."""
