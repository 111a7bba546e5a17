"""Passes that differ only by what is added to a site at one token of each text, run from there on."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from assay.model.batching import pad_right
from assay.model.body import Body, at_places
from assay.model.continuations import can_fork
from assay.model.rotation import forwarding
from assay.model.sites.hooks import Visit, visiting
from assay.model.sites.site import Site
from assay.model.tokens import Tokens
from assay.model.unembedding import logits_at, unembedding_only, wide

_ENDING = ("mlp_out", "resid_post")
"""Sites after which a block does nothing but add: what is added there enters the next block."""


@dataclass(frozen=True)
class Row:
    """A text, and the token at which something is added."""

    ids: list[int]
    place: int
    stop: int
    """Tokens that need to go through; what stands behind predicts nothing that is asked for."""
    number: int
    """Which of the caller's texts it is."""


@dataclass(frozen=True)
class Places:
    """Where logits are wanted."""

    rows: Int[Tensor, " k"]
    positions: Int[Tensor, " k"]

    def pick(self, kept: Bool[Tensor, " r"], which: Bool[Tensor, " k"]) -> "Places":
        """Some of them, while of the rows only some are kept."""
        return Places((kept.cumsum(0) - 1)[self.rows[which]], self.positions[which])

    def beside(self, other: "Places") -> "Places":
        """These, and others behind them."""
        return Places(torch.cat([self.rows, other.rows]), torch.cat([self.positions, other.positions]))


class Above(Protocol):
    """Passes over some texts from a change on."""

    def logits(self, change: Float[Tensor, "r d"], at: Places) -> Float[Tensor, "k vocabulary"]:
        """Logits where they are wanted, with a vector added at each text's token."""
        ...

    def pick(self, kept: Bool[Tensor, " r"]) -> "Above":
        """The same for some of the texts."""
        ...


@torch.no_grad()
def begin(
    body: Body, rows: Sequence[Row], site: Site, at: Places
) -> tuple[Above, Float[Tensor, "r d"], Float[Tensor, "k vocabulary"]]:
    """Run texts as they are; what goes on from there, the site's values at their tokens, and some logits.

    What lies below and before a change is computed once, and not again in later passes, unless something
    watches or changes the model: that is to see every text whole.
    """
    tokens = Tokens.of([row.ids for row in rows], body.device, [row.number for row in rows])
    places = torch.tensor([row.place for row in rows], device=body.device)
    cache = DynamicCache() if can_fork(body) else None
    entry = _entry(site, len(body.parts.blocks))
    watch = {"start": site} if cache is None else {"start": site, "stream": entry}
    seen: dict[str, Any] = {}
    visits = [(body.point(where), partial(_keep, seen, name)) for name, where in watch.items()]
    with (
        _form_of(body.parts.blocks[0], seen),
        visiting(visits),
        body.at(tokens.moment),
        unembedding_only(body.parts.head, at.rows, at.positions),
    ):
        run: Any = body.model
        out = run(input_ids=tokens.ids, past_key_values=cache, use_cache=cache is not None)
    start, logits = at_places(seen["start"], places), wide(out.logits[0])
    if cache is None:
        return _Whole(body, tokens, places, site), start, logits
    return _tails(body, rows, site, cache, seen), start, logits


@dataclass(frozen=True)
class _Whole:
    """Passes that begin anew each time."""

    body: Body
    tokens: Tokens
    places: Int[Tensor, " r"]
    site: Site

    def logits(self, change: Float[Tensor, "r d"], at: Places) -> Float[Tensor, "k vocabulary"]:
        with visiting([(self.body.point(self.site), _adder(change, self.places))]):
            return logits_at(self.body, self.tokens, at.rows, at.positions)

    def pick(self, kept: Bool[Tensor, " r"]) -> "_Whole":
        rows = kept.nonzero()[:, 0].tolist()
        return replace(self, tokens=self.tokens.pick(rows), places=self.places[rows])


@dataclass(frozen=True)
class _Tails:
    """Passes over tokens from the change on, in the blocks above it, behind keys and values of the rest."""

    body: Body
    site: Site
    entry: Site
    skip: Any
    places: Int[Tensor, " r"]
    ids: Int[Tensor, "r t"]
    positions: Int[Tensor, "r t"]
    mask: Bool[Tensor, "r seen"]
    stream: Float[Tensor, "r t d"]
    """What enters the first block that runs, without the change."""
    past: tuple[tuple[Tensor, Tensor], ...]
    """Keys and values of what stands before, padded on the left; of blocks that do not run, one row."""

    def logits(self, change: Float[Tensor, "r d"], at: Places) -> Float[Tensor, "k vocabulary"]:
        # the change stands at the first token of every tail
        where = at.positions - self.places[at.rows]
        add = _adder(change, torch.zeros_like(self.places))
        visits: list[tuple[Site, Visit]] = [(self.entry, lambda _: self.stream), (self.site, add)]
        points = [(self.body.point(site), visit) for site, visit in visits]
        with (
            forwarding(self.body.parts.blocks[: self.entry.layer], self.skip),
            visiting(points),
            unembedding_only(self.body.parts.head, at.rows, where),
        ):
            out = self.body.step(self.ids, self.mask, self.positions, self._cache())
        return wide(out.logits[0])

    def pick(self, kept: Bool[Tensor, " r"]) -> "_Tails":
        return replace(
            self,
            places=self.places[kept],
            ids=self.ids[kept],
            positions=self.positions[kept],
            mask=self.mask[kept],
            stream=self.stream[kept.to(self.stream.device)],
            past=tuple(
                pair if layer < (self.entry.layer or 0) else _picked(pair, kept)
                for layer, pair in enumerate(self.past)
            ),
        )

    def _cache(self) -> DynamicCache:
        """A cache of its own for each pass: blocks put what is new behind the past."""
        cache = DynamicCache()
        for keys, values in self.past:
            layer = DynamicLayer()
            layer.lazy_initialization(keys, values)
            layer.keys, layer.values = keys, values
            cache.layers.append(layer)
        return cache


def _tails(body: Body, rows: Sequence[Row], site: Site, cache: Any, seen: dict[str, Any]) -> _Tails:
    """Cut what a whole pass has computed into what stands before each change and what comes from there on."""
    entry, device = _entry(site, len(body.parts.blocks)), body.device
    places = torch.tensor([row.place for row in rows], device=device)
    tails = [row.ids[row.place : row.stop] for row in rows]
    lengths = torch.tensor([len(tail) for tail in tails], device=device)
    steps, before = torch.arange(int(lengths.max()), device=device), int(places.max())
    # padding repeats the last position: those behind it may lie outside the context
    positions = places[:, None] + torch.minimum(steps, lengths[:, None] - 1)
    # to the right, so that distances are true
    behind = torch.arange(-before, 0, device=device) + places[:, None]
    # nobody looks ahead at padding, but padding that could not even see itself would be NaN in float64
    mask = torch.cat([behind >= 0, torch.ones_like(positions, dtype=torch.bool)], 1)
    behind = behind.clamp_min(0)
    past = [
        # of blocks that do not run, only the length is looked at
        (_before(layer.keys, behind), _before(layer.values, behind))
        if number >= (entry.layer or 0)
        else (layer.keys[:1, :, :before].clone(), layer.values[:1, :, :before].clone())
        for number, layer in enumerate(cache.layers)
    ]
    skip = _hand_on if seen["beside"] is None else partial(_hand_on_with, seen["beside"])
    stream = seen["stream"][torch.arange(len(rows))[:, None], positions.to(seen["stream"].device)]
    inject = entry if site.kind in _ENDING and site.layer != entry.layer else site
    ids = pad_right(tails, device)
    return _Tails(body, inject, entry, skip, places, ids, positions, mask, stream, tuple(past))


def _entry(site: Site, layers: int) -> Site:
    """Where the first block begins that sees a change of a site."""
    layer = site.layer or 0
    later = site.kind in _ENDING and layer + 1 < layers
    return Site("resid_pre", layer + 1 if later else layer)


def _adder(change: Float[Tensor, "r d"], places: Int[Tensor, " r"]) -> Visit:
    def add(value: Float[Tensor, "r t d"]) -> Float[Tensor, "r t d"]:
        rows = torch.arange(len(places), device=value.device)
        return value.index_put((rows, places.to(value.device)), change.to(value), accumulate=True)

    return add


def _keep(seen: dict[str, Any], name: str, value: Tensor) -> None:
    seen[name] = value


def _before(states: Float[Tensor, "r h t e"], behind: Int[Tensor, "r s"]) -> Float[Tensor, "r h s e"]:
    return torch.take_along_dim(states, behind.to(states.device)[:, None, :, None], 2)


def _picked(pair: tuple[Tensor, Tensor], kept: Bool[Tensor, " r"]) -> tuple[Tensor, Tensor]:
    here = kept.to(pair[0].device)
    return pair[0][here], pair[1][here]


@contextmanager
def _form_of(block: nn.Module, seen: dict[str, Any]) -> Generator[None]:
    """Note what blocks hand on beside the stream; None where they give the bare tensor, as most do today."""

    def note(_: nn.Module, __: Any, out: Any) -> None:
        seen["beside"] = (None,) * (len(out) - 1) if isinstance(out, tuple) else None

    hook = block.register_forward_hook(note)
    try:
        yield
    finally:
        hook.remove()


def _hand_on(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
    return hidden_states


def _hand_on_with(
    beside: tuple[None, ...], hidden_states: Tensor, *_: Any, **__: Any
) -> tuple[Tensor | None, ...]:
    return (hidden_states, *beside)
