"""Reading any sites of a model in one pass that goes no further than the last of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor
from torch.utils.dlpack import from_dlpack, to_dlpack  # pyright: ignore[reportPrivateImportUsage]

from assay.core.errors import BadOption
from assay.model.body import Body, at_places
from assay.model.engine import Engine
from assay.model.halving import in_groups
from assay.model.sites.moment import counted
from assay.model.sites.site import Site
from assay.model.tokens import Tokens


@dataclass(frozen=True)
class Reading:
    """The values of some sites, on the device and in the arithmetic of the model.

    ``reading["resid_post.3"]`` has shape "n t d", with zeros on padding, or "n d" where one position per text
    was asked for; sites of heads have "head size" in place of "d", and ``reading["z.3.1"]`` is there too.
    """

    tokens: Tokens
    values: dict[Site, Tensor]

    def __getitem__(self, name: str | Site) -> Shaped[Tensor, "n ..."]:
        site = Site.parse(name)
        if site in self.values:
            return self.values[site]
        whole = Site(site.kind, site.layer)
        if site.head is None or whole not in self.values:
            raise BadOption(f"site {site} was not read; read were {', '.join(map(str, self.values))}")
        return self.values[whole][..., site.head, :]

    def beside(self, tokens: Tokens, site: Site) -> Shaped[Tensor, "n t ..."]:
        """The values of a site, for all positions, to go with those of other texts of the same lengths.

        Raises:
            BadOption: a site that was not read, one position per text, or texts that do not match.
        """
        values = self[site]
        if not torch.equal(self.tokens.lengths, tokens.lengths):
            raise BadOption("source and base must have as many texts, of the same lengths, to be compared")
        if values.shape[:2] != tokens.ids.shape:
            raise BadOption(
                f"the source has {site} at one position of each text only; read it at all of them"
            )
        return values


def read(
    engine: Engine,
    tokens: Tokens,
    sites: Sequence[str | Site],
    at: int | Int[Tensor, " n"] | None = None,
) -> Reading:
    """Read sites at all positions, or at one position per text.

    The pass ends after the last site that was asked for, and the unembedding runs only where logits are. A
    site shows what changes in force (``changed``) have made of it.

    Raises:
        BadOption: a site that the model lacks (lists those it has), or a position outside a text.
    """
    wanted = list(dict.fromkeys(map(Site.parse, sites)))
    if not wanted:
        raise BadOption("no site was asked for; name at least one")
    places = None if at is None else counted(at, tokens.lengths)
    kept: dict[Site, Tensor] = {}

    def see(group: list[int]) -> None:
        if len(group) == len(tokens):
            kept.update(_pass(engine.body, tokens, wanted, places))
            return
        part = None if places is None else places[group]
        for site, values in _pass(engine.body, tokens.pick(group), wanted, part).items():
            if site not in kept:  # the longest texts come first: their shape is that of the whole
                kept[site] = values.new_zeros(len(tokens), *values.shape[1:])
            kept[site][group] = _grown(values, kept[site].shape[1:])

    with engine.inference():
        in_groups(engine, dict(enumerate(tokens.lengths.tolist())), see)
    return Reading(tokens, {site: _released(values) for site, values in kept.items()})


def matched(given: Tensor, like: Tensor, site: Site) -> Tensor:
    """Values of another run, ready to stand where ``like`` does; raises BadOption where they do not fit."""
    if given.shape != like.shape:
        raise BadOption(
            f"values of shape {tuple(given.shape)} do not fit {site}, which has {tuple(like.shape)} here; "
            "read them in the same model"
        )
    return given.to(like)


def _pass(
    body: Body, tokens: Tokens, sites: list[Site], places: Int[Tensor, " n"] | None
) -> dict[Site, Tensor]:
    seen = body.capture(tokens, sites)
    if places is not None:
        return {site: at_places(values, places) for site, values in seen.items()}
    return {site: _blanked(values, tokens.mask()) for site, values in seen.items()} if tokens.ragged else seen


def _released(values: Tensor) -> Tensor:
    """The same memory as a tensor that gradients may meet.

    Inference mode takes an eighth off the pass of a small model, but what is made in it cannot be used where
    gradients are taken; an exchange of the memory between two libraries forgets where it was made.
    """
    return from_dlpack(to_dlpack(values)) if values.is_inference() else values


def _blanked(values: Tensor, mask: Bool[Tensor, "n t"]) -> Tensor:
    fits = mask.to(values.device).reshape(*mask.shape, *[1] * (values.ndim - 2))
    return values.masked_fill(~fits, 0)


def _grown(values: Tensor, shape: torch.Size) -> Tensor:
    """The values in the corner of a larger box of zeros."""
    if values.shape[1:] == shape:
        return values
    box = values.new_zeros(len(values), *shape)
    box[tuple(slice(size) for size in values.shape)] = values
    return box
