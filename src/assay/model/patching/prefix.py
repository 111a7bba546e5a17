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
from assay.model.sites.hooks import Visit, visiting
from assay.model.sites.moment import Moment
from assay.model.sites.site import Site
from assay.model.tokens import Tokens
from assay.model.unembedding import unembedding_only, wide

Visits = Sequence[tuple[Site, Visit]]


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
        self._rows = tokens.ids, tokens.lengths, tokens.numbers
        self.streams: list[Float[Tensor, "n t d"]] = []
        """What enters each block."""
        points = [body.point(Site("resid_pre", layer)) for layer in range(len(body.parts.blocks))]
        cache = DynamicCache()
        with visiting([(point, self.streams.append) for point in points]):
            self.logits = self._last_logits(0, 1, past_key_values=cache, use_cache=True)
            """Logits at the last position of each text, "n vocabulary"."""
        layers: list[Any] = cache.layers
        self._past: list[tuple[Tensor, Tensor]] = [(layer.keys, layer.values) for layer in layers]
        if len(self._past) != len(points):
            raise NotApplicable(
                f"{type(body.model).__name__} keeps no keys and values per layer to start from"
            )

    def resume(
        self, layer: int, start: int, copies: int, visits: Visits, *, thrifty: bool = True
    ) -> Float[Tensor, "copies*n vocabulary"]:
        """Run blocks from ``layer`` up at positions from ``start`` on; logits at the last position.

        The texts stand ``copies`` times one below the other; visits see positions from ``start`` on. Where
        ``thrifty``, the last block works out its last position only, after attention has read the others:
        visits to ``attn_out``, ``mlp_hidden`` and ``mlp_out`` of that block would see one position.
        """
        # before any hook is set, for the first look inside the blocks runs the model
        cut = self._cut_short() if thrifty else ()
        with ExitStack() as stack:
            stack.enter_context(self._from(layer, start, copies, visits))
            for module in cut:  # behind the visits, so that those see all positions
                hook = module.register_forward_pre_hook(partial(_cut, ends=self._ends(start, copies)))
                stack.callback(hook.remove)
            cache = {"past_key_values": self._cache(start, copies)} if start else {}
            return self._last_logits(start, copies, use_cache=bool(start), **cache)

    def peek(self, layer: int, copies: int, visits: Visits, site: Site) -> Shaped[Tensor, "copies*n t ..."]:
        """Run from ``layer`` up, at all positions, no further than to ``site``, and give what is there."""
        tokens = Tokens(*(x.repeat(copies, *[1] * (x.ndim - 1)) for x in self._rows))
        with self._from(layer, 0, copies, visits):
            return self._body.capture(tokens, [site])[site]

    @contextmanager
    def _from(self, layer: int, start: int, copies: int, visits: Visits) -> Generator[None]:
        # the first block gets what it always gets, so that the embedding may be visited too
        entering = [(Site("resid_pre", layer), self._entering(layer, start, copies))] if layer else []
        points = [(self._body.point(site), visit) for site, visit in (*entering, *visits)]
        with self._skipping_below(layer), visiting(points):
            yield

    def _last_logits(self, start: int, copies: int, **options: Any) -> Float[Tensor, "m vocabulary"]:
        ids = self.tokens.ids[:, start:].repeat(copies, 1)
        places = torch.arange(start, start + ids.shape[1], device=ids.device).expand(ids.shape)
        moment = Moment(ids, places, self.tokens.lengths.repeat(copies), self.tokens.numbers.repeat(copies))
        rows, model = torch.arange(len(ids), device=ids.device), self._body.model
        with self._body.at(moment), unembedding_only(self._body.parts.head, rows, self._ends(start, copies)):
            return wide(model(input_ids=ids, **options).logits[0])

    def _ends(self, start: int, copies: int) -> Int[Tensor, " m"]:
        return self.tokens.lengths.repeat(copies) - 1 - start

    def _entering(self, layer: int, start: int, copies: int) -> Visit:
        stream = self.streams[layer][:, start:]
        return lambda _: stream if copies == 1 else stream.repeat(copies, 1, 1)

    def _cache(self, start: int, copies: int) -> DynamicCache:
        cache = DynamicCache()
        for keys, values in self._past:
            layer = DynamicLayer()
            before = keys[:, :, :start], values[:, :, :start]
            # set, not updated: an update would copy what the block copies anyway
            layer.keys, layer.values = (x if copies == 1 else x.repeat(copies, 1, 1, 1) for x in before)
            layer.dtype, layer.device, layer.is_initialized = keys.dtype, keys.device, True
            cache.layers.append(layer)
        return cache

    @contextmanager
    def _skipping_below(self, layer: int) -> Generator[None]:
        """Blocks below a layer hand on what they get; what enters the layer is put there anyway."""
        blocks = self._body.parts.blocks[:layer]
        # a sharded model has a forward of its own here; others have theirs in the class
        before = [vars(block).get("forward") for block in blocks]
        try:
            for block in blocks:
                block.forward = _hand_on
            yield
        finally:
            for block, old in zip(blocks, before, strict=True):
                if old is None:
                    del block.forward
                else:
                    block.forward = old

    def _cut_short(self) -> list[nn.Module]:
        """What the last block works out at one position only; adding it to the stream spreads it out again.

        Only the last position of that sum is right, and only that one is used.
        """
        layer = len(self._body.parts.blocks) - 1
        return [self._body.point(Site(kind, layer)).module for kind in ("z", "mlp_in")]


def _hand_on(hidden: Tensor, *_: Any, **__: Any) -> Tensor:
    return hidden


def _cut(_: nn.Module, inputs: tuple[Tensor, ...], ends: Int[Tensor, " m"]) -> tuple[Tensor, ...]:
    # after attention the stream may be cut already
    return (at_places(inputs[0], ends)[:, None], *inputs[1:]) if inputs[0].shape[1] > 1 else inputs
