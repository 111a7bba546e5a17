"""One base run whose lower layers and earlier positions are never computed again."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from assay.core.errors import NotApplicable
from assay.model.body import Body, at_places
from assay.model.rotation import forwarding
from assay.model.sites.hooks import Visit, visiting
from assay.model.sites.moment import Moment
from assay.model.sites.site import Site
from assay.model.tokens import Tokens
from assay.model.unembedding import unembedding_only, wide

Visits = Sequence[tuple[Site, Visit]]
Cache = DynamicCache | None


class Prefix:
    """A run of some texts, kept so that later runs start where something changes.

    A change at layer ``l`` and position ``p`` leaves every layer below and every position before as they
    were: ``resume`` starts from the stream that enters block ``l`` from ``p`` on, and the keys and values
    before. Memory: the stream at all layers, and keys and values, of all texts.

    Raises:
        NotApplicable: a model that keeps no keys and values per layer.
    """

    def __init__(self, body: Body, tokens: Tokens) -> None:
        self._body, self.tokens = body, tokens
        body.check()  # a pass that skips blocks says nothing about them
        self.streams: list[Float[Tensor, "n t d"]] = []
        """What enters each block."""
        points = [body.point(Site("resid_pre", layer)) for layer in range(len(body.parts.blocks))]
        cache = DynamicCache()
        with ExitStack() as stack, visiting([(point, self.streams.append) for point in points]):
            stack.callback(body.parts.blocks[0].register_forward_hook(self._note_form).remove)
            self.logits = self._last_logits(0, 1, cache)
            """Logits at the last position of each text, "n vocabulary"."""
        layers: list[Any] = cache.layers
        self._past: list[tuple[Tensor, Tensor]] = [(layer.keys, layer.values) for layer in layers]
        if len(self._past) != len(points):
            raise NotApplicable(
                f"{type(body.model).__name__} keeps no keys and values per layer to start from"
            )

    def entering(self, layer: int, start: int, copies: int = 1) -> Float[Tensor, "copies*n t d"]:
        """The base run's stream in front of a block from a position on, with copies one below the other."""
        stream = self.streams[layer][:, start:]
        return stream if copies == 1 else stream.repeat(copies, 1, 1)

    def resume(
        self,
        layer: int,
        start: int,
        stream: Float[Tensor, "copies*n t d"],
        visits: Visits,
        *,
        thrifty: bool = True,
    ) -> Float[Tensor, "copies*n vocabulary"]:
        """Run blocks from ``layer`` up at positions from ``start`` on; logits at the last position.

        ``stream`` enters ``layer``; its rows are the texts, any number of times one below the other. (The
        first block gets what the embedding gives, so that this may be visited.) Visits see positions from
        ``start`` on. Where ``thrifty``, the last block works out its last position only, after attention has
        read the others: visits to ``attn_out``, ``mlp_hidden`` and ``mlp_out`` of that block would see one
        position.
        """
        # found before anything is in place: a model's sites are checked by running it
        modules = self._cut_modules() if thrifty else []
        copies = len(stream) // len(self.tokens)
        with ExitStack() as stack:
            stack.enter_context(self._from(layer, stream, visits))
            cut = partial(_cut, ends=self._ends(start, copies))
            for module in modules:
                stack.callback(module.register_forward_pre_hook(cut).remove)
            return self._last_logits(start, copies, self._cache(start, copies, range(layer, len(self._past))))

    def peek(
        self, layer: int, start: int, stream: Float[Tensor, "copies*n t d"], visits: Visits, site: Site
    ) -> Shaped[Tensor, "copies*n t ..."]:
        """Run as ``resume`` does, but no further than to ``site``, and give what is there."""
        copies, wanted = len(stream) // len(self.tokens), {site: self._body.point(site)}
        run = range(layer, len(self._past) if site.layer is None else site.layer + 1)
        cache = self._cache(start, copies, run)
        with self._from(layer, stream, visits):
            seen = self._body.until(
                wanted, len(stream), lambda: self._pass(start, copies, cache, self._body.parts.trunk)
            )
        return seen[site]

    @contextmanager
    def _from(self, layer: int, stream: Tensor, visits: Visits) -> Generator[None]:
        # the first block gets what it always gets, so that the embedding may be visited too
        entering: Visits = [(Site("resid_pre", layer), lambda _: stream)] if layer else []
        points = [(self._body.point(site), visit) for site, visit in (*entering, *visits)]
        with self._skipping_below(layer), visiting(points):
            yield

    def _last_logits(self, start: int, copies: int, cache: Cache) -> Float[Tensor, "m vocabulary"]:
        ends = self._ends(start, copies)
        rows = torch.arange(len(ends), device=ends.device)
        with unembedding_only(self._body.parts.head, rows, ends):
            return wide(self._pass(start, copies, cache, self._body.model).logits[0])

    def _pass(self, start: int, copies: int, cache: Cache, run: Any) -> Any:
        ids = self.tokens.ids[:, start:].repeat(copies, 1)
        lengths, numbers = self.tokens.lengths.repeat(copies), self.tokens.numbers.repeat(copies)
        places = torch.arange(start, start + ids.shape[1], device=ids.device).expand(ids.shape)
        moment = Moment(ids, places.where(places < lengths[:, None], -1), lengths, numbers)
        with self._body.at(moment):
            return run(input_ids=ids, past_key_values=cache, use_cache=cache is not None)

    def _ends(self, start: int, copies: int) -> Int[Tensor, " m"]:
        return self.tokens.lengths.repeat(copies) - 1 - start

    def _cache(self, start: int, copies: int, run: range) -> Cache:
        """Keys and values of the base run before ``start``, for blocks that run; None if there are none."""
        if not start:
            return None
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(self._past):
            some = copies if layer in run else 1
            cache.layers.append(_Past(keys[:, :, :start], values[:, :, :start], some))
        return cache

    def _note_form(self, _: nn.Module, __: Any, out: Any) -> None:
        self._beside = (None,) * (len(out) - 1) if isinstance(out, tuple) else None
        """What blocks hand on beside the stream; None where they give the bare tensor, as most do today."""

    @contextmanager
    def _skipping_below(self, layer: int) -> Generator[None]:
        """Blocks below a layer hand on what they get; what enters the layer is put there anyway."""
        blocks = self._body.parts.blocks[:layer]
        # code that takes the first part of a tuple would take the first text of a tensor, and say nothing
        skip = _hand_on if self._beside is None else partial(_hand_on_with, self._beside)
        with forwarding(blocks, skip):
            yield

    def _cut_modules(self) -> list[nn.Module]:
        """Where what the last block writes is cut to one position; adding it to the stream spreads it out.

        Only the last position of that sum is right, and only that one is used.
        """
        layer = len(self._body.parts.blocks) - 1
        return [self._body.point(Site(kind, layer)).module for kind in ("z", "mlp_in")]


class _Past(DynamicLayer):
    """Keys and values of one layer that several copies of the texts share; each block reads them once."""

    def __init__(self, keys: Tensor, values: Tensor, copies: int) -> None:
        super().__init__()
        # what the library looks at to know how long the past is
        self.keys, self.values = keys, values
        self._past, self._copies = (keys, values), copies
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Those before and the new ones behind them, for every copy; nothing is kept of the new ones."""
        keys, values = self._past
        return self._joined(keys, key_states), self._joined(values, value_states)

    def _joined(self, before: Tensor, new: Tensor) -> Tensor:
        known = before.shape[2]
        # written where it belongs at once: late in a text there is more of it than of anything else
        whole = new.new_empty(*new.shape[:2], known + new.shape[2], new.shape[3])
        whole.unflatten(0, (self._copies, -1))[..., :known, :] = before
        whole[:, :, known:] = new
        return whole


def _hand_on(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
    return hidden_states


def _hand_on_with(
    beside: tuple[None, ...], hidden_states: Tensor, *_: Any, **__: Any
) -> tuple[Tensor | None, ...]:
    return (hidden_states, *beside)


def _cut(_: nn.Module, inputs: tuple[Tensor, ...], ends: Int[Tensor, " m"]) -> tuple[Tensor, ...]:
    # after attention the stream may be cut already
    return (at_places(inputs[0], ends)[:, None], *inputs[1:]) if inputs[0].shape[1] > 1 else inputs
