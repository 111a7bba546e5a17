"""Activation patching: put what one run had into another, place by place, and see what it does to the answer.

Zhang and Nanda, "Towards best practices of activation patching" (arXiv 2309.16042). *Denoising* patches a
clean value into a corrupted run, *noising* a corrupted value into a clean one: they differ in the base.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    and positions that it can change. Patches that start at one place share a pass.

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
        for targets, size in _starts(engine, tokens, named, positions):

            def put(group: list[int], targets: list[_Target] = targets) -> None:
                some = [targets[number] for number in group]
                for target, values in zip(some, _effects(base, some, source, effect), strict=True):
                    patched[target.slot] = values

            in_groups(engine, dict.fromkeys(range(len(targets)), size), put, what="patch")
    return Sweep(named, tuple(positions), patched, before)


def _effects(base: Prefix, group: list[_Target], source: Reading, effect: Effect) -> list[Tensor]:
    """The effect of each of some patches that start in one layer, from one pass."""
    start, n = min(int(target.places.min()) for target in group), len(base.tokens)
    layer = group[0].into.layer or 0
    wholes = dict.fromkeys(Site(target.into.kind, target.into.layer) for target in group)
    rows = [(i * n, target) for i, target in enumerate(group)]
    visits = [
        (whole, _put([row for row in rows if row[1].into.kind == whole.kind], source, start, len(group) * n))
        for whole in wholes
    ]
    cut_short = layer == len(base.streams) - 1 and any(whole.kind in _AFTER_CUT for whole in wholes)
    logits = base.resume(layer, start, len(group), visits, thrifty=not cut_short)
    return [effect(part) for part in logits.split(n)]


def _put(group: list[tuple[int, _Target]], source: Reading, start: int, count: int) -> Visit:
    """Write each target's values into its own copy of the texts."""

    def visit(value: Tensor) -> Tensor:
        new = value.expand(count, *value.shape[1:]).clone()  # texts may share their positions
        for offset, target in group:
            rows = torch.arange(len(target.places), device=value.device)
            places = target.places.to(value.device)
            head = () if target.into.head is None else (target.into.head,)
            given = source[target.value].to(value.device)[rows, places]
            there = rows + offset, places - start, *head
            new[there] = matched(given, new[there], target.value)
        return new

    return visit


def _starts(
    engine: Engine, tokens: Tokens, sites: tuple[Site, ...], positions: Sequence[int]
) -> Iterator[tuple[list[_Target], int]]:
    """Patches that start in one layer at one position, and how many tokens each of them computes."""
    longest, top = int(tokens.lengths.max()), engine.n_layers - 1
    into = [_as_entering(site, top) for site in sites]
    for column, position in enumerate(positions):
        places = counted(position, tokens.lengths)
        size = len(tokens) * (longest - int(places.min()))
        for layer in sorted({site.layer or 0 for site in into}):
            rows = [row for row, site in enumerate(into) if (site.layer or 0) == layer]
            yield [_Target(sites[row], into[row], places, (row, column)) for row in rows], size


def _as_entering(site: Site, top: int) -> Site:
    """What leaves a block enters the next one, where the patch costs a block less."""
    if site.kind == "resid_post" and site.layer is not None and site.layer < top:
        return Site("resid_pre", site.layer + 1)
    return site
