"""Gradient attributions: a first-order answer to "what would patching do?", for all sites in one pass back.

Attribution patching: Nanda (2023); Syed et al. (arXiv 2310.10348). Integrated gradients: Sundararajan et al.
(arXiv 1703.01365).
"""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.attribution.frozen_norms import frozen_norms
from assay.model.engine import Engine
from assay.model.halving import at_once
from assay.model.patching.effects import Effect
from assay.model.reading.read import Reading, matched
from assay.model.sites.hooks import Visit, visiting
from assay.model.sites.site import Site
from assay.model.tokens import Tokens
from assay.model.unembedding import logits_at, wide

Attribution = dict[Site, Float[Tensor, "n t ..."]]
"""One number per text and position, and per head where the site has heads; zero on padding."""


def attribute(
    engine: Engine,
    tokens: Tokens,
    sites: Sequence[str | Site],
    effect: Effect,
    source: Reading | None = None,
    *,
    freeze_norms: bool = False,
) -> Attribution:
    """``Σ_d (source - base) · ∂effect/∂base`` at every site, from one forward and one backward pass.

    Without a source it is gradient x activation, ``Σ_d base · ∂effect/∂base``. With ``freeze_norms`` the
    scales of norms count as constants, so that the attributions of the parts of a sum add up to its own.

    Raises:
        BadOption: a site that the model or the source lacks, or texts that do not match.
        ModelError: the texts do not fit into memory in one pass.
    """
    named = list(dict.fromkeys(map(Site.parse, sites)))
    _check(engine, tokens, named, source)
    found: Attribution = {}
    values = at_once(lambda: _watched(engine, tokens, named, effect, freeze_norms))
    for site, (value, gradient) in values.items():
        news = value if source is None else matched(source[site], value, site) - value
        scores = (news * gradient).sum(-1)
        mask = tokens.mask().to(scores.device).reshape(*tokens.ids.shape, *[1] * (scores.ndim - 2))
        found[site] = wide(scores.masked_fill(~mask, 0))
    return found


def integrated_gradients(
    engine: Engine, tokens: Tokens, site: str | Site, effect: Effect, source: Reading, steps: int = 16
) -> Float[Tensor, "n t ..."]:
    """``Σ_d (source - base) · mean over α of ∂effect/∂x at x = base + α (source - base)``.

    α takes the midpoints of ``steps``; the site holds ``x`` at all positions while everything after it
    follows. Completeness: the numbers of a text sum to the effect with the source in place less that without
    it, up to the error of the midpoint rule.

    Raises:
        BadOption: fewer than one step, or what ``attribute`` refuses.
        ModelError: the texts do not fit into memory in one pass.
    """
    name = Site.parse(site)
    if steps < 1:
        raise BadOption(f"{steps} steps; integrated gradients need at least 1")
    _check(engine, tokens, [name], source)
    base = at_once(lambda: _value(engine, tokens, name))
    news = matched(source[name], base, name) - base
    total = torch.zeros_like(base)
    for step in range(steps):
        leaf = (base + (step + 0.5) / steps * news).requires_grad_()
        total += at_once(lambda leaf=leaf: _gradient_at(engine, tokens, name, leaf, effect))
    return wide((news * total / steps).sum(-1))


def _watched(
    engine: Engine, tokens: Tokens, sites: list[Site], effect: Effect, freeze_norms: bool
) -> dict[Site, tuple[Tensor, Tensor]]:
    """Value and gradient of each site; sites of single heads share what passes through their module."""
    points = {site: engine.body.point(site) for site in sites}
    seen: dict[Site, Tensor] = {}

    def keeper(site: Site) -> Visit:
        def keep(whole: Tensor) -> Tensor:
            # a name of its own: what enters a half may also be the stream that goes past it
            seen[site] = whole.view_as(whole)
            return seen[site]

        return keep

    # heads are columns of what passes on; gradients are taken of the whole, which the model goes on with
    wholes = [(points[site].whole, keeper(site)) for site in sites]
    roots = ["embed", *(["positions"] if any(site.kind == "positions" for site in sites) else [])]
    leaves = [(engine.body.point(root), partial(_as_leaf, n=len(tokens))) for root in roots]
    norms = frozen_norms(engine.model) if freeze_norms else nullcontext()
    with engine.differentiating(), norms, visiting([*leaves, *wholes]):
        answer = _last_effect(engine, tokens, effect)
    gradients = torch.autograd.grad(answer, [seen[site] for site in sites])
    return {
        site: (points[site].view(seen[site].detach()), points[site].view(gradient))
        for site, gradient in zip(sites, gradients, strict=True)
    }


def _as_leaf(value: Tensor, n: int) -> Tensor:
    # learned positions are one row for all texts, but each text has a gradient of its own
    return value.detach().expand(n, *value.shape[1:]).clone().requires_grad_()


def _value(engine: Engine, tokens: Tokens, site: Site) -> Tensor:
    """What the base run has at a site, all heads or one, as a tensor of its own."""
    with engine.evaluating():
        return engine.body.capture(tokens, [site])[site].clone()


def _gradient_at(engine: Engine, tokens: Tokens, site: Site, value: Tensor, effect: Effect) -> Tensor:
    with engine.differentiating(), visiting([(engine.body.point(site), lambda _: value)]):
        answer = _last_effect(engine, tokens, effect)
    return torch.autograd.grad(answer, value)[0]


def _last_effect(engine: Engine, tokens: Tokens, effect: Effect) -> Float[Tensor, ""]:
    rows = torch.arange(len(tokens), device=tokens.ids.device)
    return effect(logits_at(engine.body, tokens, rows, tokens.lengths - 1)).sum()


def _check(engine: Engine, tokens: Tokens, sites: list[Site], source: Reading | None) -> None:
    if not sites:
        raise BadOption("no site was asked for; name at least one")
    for site in sites:
        engine.body.point(site)
        if source is not None:
            source.beside(tokens, site)
