"""Activation patching: put what one run had into another, place by place, and see what it does to the answer.

Zhang and Nanda, "Towards best practices of activation patching" (arXiv 2309.16042). *Denoising* patches a
clean value into a corrupted run, *noising* a corrupted value into a clean one: they differ in the base.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.model.engine import Engine
from assay.model.halving import at_once, in_groups
from assay.model.patching.effects import Effect
from assay.model.patching.prefix import Prefix
from assay.model.reading.read import Reading, matched
from assay.model.sites.hooks import Visit
from assay.model.sites.moment import counted
from assay.model.sites.site import Site
from assay.model.tokens import Tokens

_AFTER_CUT = ("attn_out", "mlp_hidden", "mlp_out")
"""Sites of the last block that a thrifty pass works out at one position only."""


@dataclass(frozen=True)
class Sweep:
    """What each patch did, text by text."""

    sites: tuple[Site, ...]
    positions: tuple[int, ...]
    """Negative ones count back from the end of each text."""
    patched: Float[Tensor, "site position n"]
    """The effect's value under each patch."""
    base: Float[Tensor, " n"]
    """Its value without."""


@dataclass(frozen=True)
class _Target:
    """One patch: what is put where, and its place in the table of results."""

    value: Site
    into: Site
    places: Int[Tensor, " n"]
    slot: tuple[int, int]


def patch(
    engine: Engine,
    tokens: Tokens,
    source: Reading,
    sites: Sequence[str | Site],
    positions: Sequence[int],
    effect: Effect,
) -> Sweep:
    """Patch every site at every position, one at a time, and read ``effect`` at the last position.

    Values come from ``source``, which holds the sites themselves or, for single heads, all heads of the layer
    (``pattern.2`` for ``pattern.2.1``). The base run is computed once; each patch computes only the layers
    and positions that it can change. Patches that start at one position climb together: at each layer those
    that begin there join those from below, so that a block runs once for all of them.

    Raises:
        BadOption: a site that the model or the source lacks, a position outside a text, or texts of source
            and base that do not match in number or length.
        ModelError: the texts do not fit into memory in one pass.
    """
    named = tuple(map(Site.parse, sites))
    for site in named:
        engine.body.point(site)
        source.beside(tokens, site)
    with engine.evaluating():
        base = at_once(lambda: Prefix(engine.body, tokens))
        before = effect(base.logits)
        patched = before.repeat(len(named), len(positions), 1)
        for targets, size in _climbs(engine, tokens, named, positions):

            def put(group: list[int], targets: list[_Target] = targets) -> None:
                some = [targets[number] for number in group]
                for target, values in zip(some, _effects(base, some, source, effect), strict=True):
                    patched[target.slot] = values

            # a part of a pass fills the cores less well than a whole one, and twice the tokens better
            in_groups(engine, dict.fromkeys(range(len(targets)), size), put, times=2, what="patch")
    return Sweep(named, tuple(positions), patched, before)


def _effects(base: Prefix, group: list[_Target], source: Reading, effect: Effect) -> list[Tensor]:
    """The effect of each of some patches, lowest layer first, in one climb through the layers."""
    start, n = min(int(target.places.min()) for target in group), len(base.tokens)
    steps = [(layer, list(some)) for layer, some in groupby(group, _layer)]
    stream = base.entering(steps[0][0], start, 0)

    def joined(layer: int, some: list[_Target], stream: Tensor) -> tuple[Tensor, list[tuple[Site, Visit]]]:
        rows = [(len(stream) + i * n, target) for i, target in enumerate(some)]
        new = base.entering(layer, start, len(some))
        stream = torch.cat([stream.to(new.device), new])
        return stream, _visits(rows, source, start, len(stream))

    for (layer, some), (above, _) in pairwise(steps):
        stream, visits = joined(layer, some, stream)
        stream = base.peek(layer, start, stream, visits, Site("resid_pre", above))
    stream, visits = joined(*steps[-1], stream)
    whole = any(_needs_whole_top(target.into, len(base.streams) - 1) for target in group)
    logits = base.resume(steps[-1][0], start, stream, visits, thrifty=not whole)
    return [effect(part) for part in logits.split(n)]


def _visits(
    rows: list[tuple[int, _Target]], source: Reading, start: int, count: int
) -> list[tuple[Site, Visit]]:
    """What writes the values of patches that begin in one layer, each into its rows."""
    wholes = dict.fromkeys(Site(target.into.kind, target.into.layer) for _, target in rows)
    return [
        (whole, _put([row for row in rows if row[1].into.kind == whole.kind], source, start, count))
        for whole in wholes
    ]


def _put(rows: list[tuple[int, _Target]], source: Reading, start: int, count: int) -> Visit:
    """Write each target's values into its own copy of the texts."""

    def visit(value: Tensor) -> Tensor:
        new = value.expand(count, *value.shape[1:]).clone()  # texts may share their positions
        for offset, target in rows:
            texts = torch.arange(len(target.places), device=value.device)
            places = target.places.to(value.device)
            head = () if target.into.head is None else (target.into.head,)
            given = source[target.value].to(value.device)[texts, places]
            there = texts + offset, places - start, *head
            new[there] = matched(given, new[there], target.value)
        return new

    return visit


def _climbs(
    engine: Engine, tokens: Tokens, sites: tuple[Site, ...], positions: Sequence[int]
) -> Iterator[tuple[list[_Target], int]]:
    """Patches that start at one position, lowest layer first, and how many tokens each of them computes."""
    longest, top = int(tokens.lengths.max()), engine.n_layers - 1
    for column, position in enumerate(positions):
        places = counted(position, tokens.lengths)
        size = len(tokens) * (longest - int(places.min()))
        targets = sorted(
            (_Target(site, _as_entering(site, top), places, (row, column)) for row, site in enumerate(sites)),
            key=_layer,
        )
        for whole in (False, True):
            some = [target for target in targets if _needs_whole_top(target.into, top) is whole]
            if some:
                yield some, size


def _layer(target: _Target) -> int:
    return target.into.layer or 0


def _needs_whole_top(site: Site, top: int) -> bool:
    return site.layer == top and site.kind in _AFTER_CUT


def _as_entering(site: Site, top: int) -> Site:
    """What leaves a block enters the next one, where the patch costs a block less."""
    if site.kind == "resid_post" and site.layer is not None and site.layer < top:
        return Site("resid_pre", site.layer + 1)
    return site
