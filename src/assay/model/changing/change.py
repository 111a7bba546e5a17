"""Changing what passes through a model: scoped, composable, and also while it writes."""

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.engine import Engine
from assay.model.reading.read import Reading
from assay.model.sites.hooks import Visit, visiting
from assay.model.sites.moment import At, Moment, chosen
from assay.model.sites.site import Site

How = Callable[[Tensor, Moment], Tensor]
"""(value of a site "n t ...", the pass) -> what takes its place, of the same shape."""


@dataclass(frozen=True)
class Change:
    """What is done to a site, and at which positions; every other position stays as it is to the bit."""

    site: Site
    how: How
    at: At = None


@contextmanager
def changed(engine: Engine, *changes: Change) -> Generator[None]:
    """Every pass of the engine inside goes through the changes: reading, scoring, writing replies.

    Changes of one site act in the order given, those of an inner ``with`` after those of an outer one, and a
    reading shows what they leave. Nothing stays behind, even after an error.

    Raises:
        BadOption: a site that the model lacks; inside, a value whose shape does not fit its site.
    """
    engine.body.check()  # inside, the parts need not add up any more
    with visiting([(engine.body.point(change.site), _visit(engine, change)) for change in changes]):
        yield


def add(site: str | Site, vector: Tensor, scale: float = 1.0, at: At = None) -> Change:
    """``x + scale * vector``.

    A value may be one vector for all texts ("d", for heads "head size"), one per text ("n d") or one per
    position ("n t d").
    """
    name = Site.parse(site)
    return Change(name, lambda x, moment: x + scale * _fitted(vector, x, moment, name), at)


def assign(site: str | Site, value: Tensor, at: At = None) -> Change:
    """``value`` in place of ``x``; shapes as in ``add``."""
    name = Site.parse(site)
    return Change(name, lambda x, moment: _fitted(value, x, moment, name).expand_as(x), at)


def swap(site: str | Site, other: Reading, at: At = None) -> Change:
    """What another run had at the same site and position, text for text (an interchange intervention)."""
    return assign(site, other[site], at)


def scale(site: str | Site, factor: float, at: At = None) -> Change:
    """``factor * x``; 0 is zero ablation."""
    return Change(Site.parse(site), lambda x, _: factor * x, at)


def project_out(site: str | Site, directions: Float[Tensor, "k d"], at: At = None) -> Change:
    """``x - Q Qᵀ x`` with ``Q`` an orthonormal basis of the directions: nothing of them is left."""
    name, basis = Site.parse(site), _basis(directions)

    def how(x: Tensor, moment: Moment) -> Tensor:
        q = _fitted(basis, x, moment, name, columns_only=True)
        return x - (x @ q.T) @ q

    return Change(name, how, at)


def clamp(site: str | Site, direction: Float[Tensor, " d"], low: float, high: float, at: At = None) -> Change:
    """``x + (min(max(c, low), high) - c) u``, with ``u`` the unit direction and ``c = x · u``."""
    name, basis = Site.parse(site), _basis(direction[None])

    def how(x: Tensor, moment: Moment) -> Tensor:
        unit = _fitted(basis, x, moment, name, columns_only=True)
        along = x @ unit.T
        return x + (along.clamp(low, high) - along) @ unit

    return Change(name, how, at)


def rotate(site: str | Site, plane: Float[Tensor, "2 d"], degrees: float, at: At = None) -> Change:
    """Turn ``x`` in a plane, from its first towards its second vector; what is across the plane stays.

    ``x + (R - I) P x`` with ``P`` the coordinates in the plane (Gram-Schmidt) and ``R`` the turn.
    """
    name, basis = Site.parse(site), _basis(plane)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = torch.tensor([[cosine - 1, sine], [-sine, cosine - 1]], dtype=torch.float64)

    def how(x: Tensor, moment: Moment) -> Tensor:
        unit = _fitted(basis, x, moment, name, columns_only=True)
        return x + (x @ unit.T) @ turn.to(x) @ unit

    return Change(name, how, at)


def _visit(engine: Engine, change: Change) -> Visit:
    def visit(value: Tensor) -> Tensor:
        moment = engine.body.moment
        value = value.expand(len(moment.ids), *value.shape[1:])  # texts may share their positions
        new = change.how(value, moment).to(value.dtype)
        if change.at is None:
            return new
        mask = chosen(change.at, moment).to(value.device)
        return torch.where(mask.reshape(*mask.shape, *[1] * (value.ndim - 2)), new, value)

    return visit


def _fitted(given: Tensor, x: Tensor, moment: Moment, site: Site, columns_only: bool = False) -> Tensor:
    """The value as it stands beside ``x``; raises BadOption where it does not fit."""
    value = given.to(x.device, x.dtype)
    extra = 0 if columns_only else value.ndim - (x.ndim - 2)
    inner = value.shape[extra:]
    fits = value.shape[-1:] == x.shape[-1:] if columns_only else inner == x.shape[2:]
    if not fits or extra not in (0, 1, 2) or (extra and len(value) <= int(moment.numbers.max())):
        wanted = " x ".join(map(str, x.shape[2:]))
        raise BadOption(
            f"a value of shape {tuple(given.shape)} does not fit {site}: it takes {wanted} numbers, for all, "
            "for each text or for each position of each text"
        )
    if extra == 0:
        return value
    mine = value[moment.numbers.to(x.device)]
    if extra == 1:
        return mine[:, None]
    places = moment.positions.clamp_min(0).to(x.device)
    if int(places.max()) >= mine.shape[1]:
        raise BadOption(
            f"{site} gets values for {mine.shape[1]} positions, but a text is longer; say at which"
        )
    return mine[torch.arange(len(mine), device=x.device)[:, None], places]


def _basis(vectors: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
    """Orthonormal rows that span the vectors, the first along the first (Gram-Schmidt by QR)."""
    q, r = torch.linalg.qr(vectors.double().T)
    sizes = r.diagonal()
    if float(sizes.abs().min()) <= 1e-10 * float(sizes.abs().max()):
        raise BadOption("directions that are zero or lie in one another's span; give independent ones")
    return (q * sizes.sign()).T
