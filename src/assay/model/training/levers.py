"""Free vectors at a site of a model, which are trained beside weights or instead of them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.changing.change import Change
from assay.model.sites.moment import At, Moment
from assay.model.sites.site import Site


@dataclass(frozen=True, eq=False)
class Lever:
    """A vector that is added to a site or takes its value's place; trained from where it starts."""

    site: str
    start: Tensor
    """"d": one vector for all positions; "k d": one for each of the first k tokens of every text, what the
    tokenizer puts in front not counted (the rows of a soft prompt, which stand on k placeholders)."""
    at: At = None
    """At which positions it acts; None for all."""
    replace: bool = False
    """True: takes the value's place; False: is added to it."""
    radius: float | None = None
    """L2 ball around the start that it stays in, each row for itself; None for no bound."""

    def __post_init__(self) -> None:
        if self.start.ndim not in (1, 2) or not self.start.numel():
            raise BadOption(
                f"a lever that starts from shape {tuple(self.start.shape)}; give one vector, or a matrix "
                "with one row for each of the first tokens"
            )
        if self.radius is not None and not self.radius > 0:
            raise BadOption(
                f"a lever that may not move (radius {self.radius}); give a radius above 0 or None"
            )


def pulled(lever: Lever, value: Tensor, skip: int) -> Change:
    """The change of activations that a lever is once it has a value.

    ``skip`` is the number of tokens that the tokenizer puts in front of a text, before a lever's first row.
    """
    site = Site.parse(lever.site)

    def how(x: Tensor, moment: Moment) -> Tensor:
        if x.ndim != 3 or x.shape[-1] != value.shape[-1]:
            wanted = "one vector of each head" if x.ndim != 3 else f"vectors of {x.shape[-1]} numbers"
            raise BadOption(f"a lever of shape {tuple(value.shape)} does not fit {site}, which has {wanted}")
        mine = value.to(x.device, x.dtype)
        if mine.ndim == 1:
            return mine.expand_as(x) if lever.replace else x + mine
        place = (moment.positions - skip).to(x.device)
        inside = ((place >= 0) & (place < len(mine)))[..., None]
        rows = mine[place.clamp(0, len(mine) - 1)]
        return torch.where(inside, rows if lever.replace else x + rows, x)

    return Change(site, how, lever.at)


@torch.no_grad()
def project(value: Float[Tensor, "*k d"], lever: Lever) -> None:
    """Bring a lever's value into its ball, in place: ``start + (v - start) min(1, radius / |v - start|)``."""
    if lever.radius is None:
        return
    start = lever.start.to(value)
    off = value - start
    sizes = torch.linalg.vector_norm(off, dim=-1, keepdim=True)
    value.copy_(start + off * (lever.radius / sizes.clamp_min(lever.radius)))
