"""Where the sites of one model are: the module to watch, and the columns of what passes through it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from assay.core.errors import BadOption, NotApplicable
from assay.model.anatomy import Anatomy
from assay.model.sites.families import Layout, Spot, find_layout
from assay.model.sites.site import HEADS, STREAM, WHOLE, Site
from assay.model.sites.weight import Weight


@dataclass(frozen=True)
class Heads:
    """The columns of a tensor that hold one vector per head."""

    stride: int
    """Columns from one group of columns to the next."""
    first: int
    """The first group that belongs here."""
    count: int
    offset: int
    """Where in its group a head's vector starts."""
    size: int

    def view(self, whole: Float[Tensor, "n t columns"]) -> Float[Tensor, "n t head size"]:
        """The same memory, one row per head."""
        groups = whole.unflatten(-1, (-1, self.stride))
        return groups[..., self.first : self.first + self.count, self.offset : self.offset + self.size]


@dataclass(frozen=True)
class Point:
    """What has to be watched to see a site."""

    module: nn.Module
    side: Literal["in", "out", "pattern"]
    heads: Heads | None = None
    head: int | None = None

    @property
    def whole(self) -> "Point":
        """Everything that passes there, columns of other sites included."""
        return replace(self, heads=None, head=None)

    def view(self, whole: Tensor) -> Tensor:
        """The site's part of what passes through the module, in the same memory.

        "n t d" for the stream, "n t head size" for all heads of a layer, "n t size" for one head; for
        patterns size is the number of keys.
        """
        heads = whole if self.heads is None else self.heads.view(whole)
        return heads if self.head is None else heads[..., self.head, :]


class SiteMap:
    """All sites of a model; asked for one that it lacks, it says which it has."""

    def __init__(self, model: PreTrainedModel, anatomy: Anatomy) -> None:
        self._model, self._anatomy = model, anatomy
        config = model.config.get_text_config()
        self._type: str = config.model_type
        sizes = config.to_dict()
        self._heads: int = config.num_attention_heads
        self._groups: int = sizes.get("num_key_value_heads") or self._heads
        self._size: int = sizes.get("head_dim") or config.hidden_size // self._heads

    @cached_property
    def layout(self) -> Layout:
        """How the blocks of this family are laid out; raises NotApplicable where that is not known."""
        parts = self._anatomy
        found = find_layout(self._type, parts.trunk, parts.blocks[0], parts.shape.width)
        if "z" not in found.block:
            return found
        attention = found.block["z"].path.rpartition(".")[0]
        return replace(found, block={**found.block, "pattern": Spot(attention, "pattern")})

    @property
    def layers(self) -> int:
        """Number of blocks."""
        return len(self._anatomy.blocks)

    def has(self, kind: str) -> bool:
        """Whether the blocks have sites of a kind."""
        return kind in ("resid_pre", "resid_post") or kind in self.layout.block

    def names(self) -> list[str]:
        """Every site of the model, heads not listed one by one.

        Sites of the residual stream need no layout and are always there.
        """
        return [str(site) for site in self._all()]

    def heads(self, kind: str) -> int:
        """How many heads a layer has at a kind of site: keys and values may be shared."""
        return self._groups if kind in ("k", "v") else self._heads

    def point(self, name: str | Site) -> Point:
        """Where a site is; raises BadOption for one that this model lacks."""
        site = Site.parse(name)
        if site.kind == "embed":
            return Point(self._model.get_input_embeddings(), "out")
        if site.kind == "logits":
            return Point(self._model, "out")
        if site.kind == "positions" and self.layout.positions:
            return Point(self._anatomy.trunk.get_submodule(self.layout.positions), "out")
        if site.layer is None or site.layer >= self.layers:
            raise self._lacks(site)
        block = self._anatomy.blocks[site.layer]
        if site.kind in ("resid_pre", "resid_post"):
            return Point(block, "in" if site.kind == "resid_pre" else "out")
        spot = self.layout.block.get(site.kind)
        if spot is None or (site.head is not None and site.head >= self.heads(site.kind)):
            raise self._lacks(site)
        columns = self._columns(site.kind, spot) if site.kind in HEADS and spot.side != "pattern" else None
        return Point(_part(block, spot.path, site), spot.side, columns, site.head)

    def weight(self, name: str | Site) -> Weight:
        """The parameter that reads a site: for ``mlp_hidden.L`` the down-projection, for ``z.L`` attention's.

        Raises:
            BadOption: a site that this model lacks, or that is not the whole input of one linear map.
            NotApplicable: ``mlp_hidden`` of a mixture of experts, where every expert has a matrix of its own.
        """
        site = Site.parse(name)
        if site.kind == "mlp_hidden" and self._mixes_experts:
            raise NotApplicable(
                f"no one matrix reads {site} of this model ('{self._type}'): every expert of a mixture has "
                "its own; choose a model whose MLP has one output matrix"
            )
        point = self.point(site)
        part = point.module
        if point.side != "in" or point.head is not None or not isinstance(part, nn.Linear | Conv1D):
            raise BadOption(
                f"{site} is not the whole input of one linear map, so no weight reads it alone; give "
                "mlp_hidden.L or z.L with a layer"
            )
        found = (path for path, weight in self._model.named_parameters() if weight is part.weight)
        return Weight(next(found), isinstance(part, Conv1D))

    def without(self, *kinds: str) -> "SiteMap":
        """The same map less some kinds of site."""
        if not kinds:
            return self
        less = SiteMap(self._model, self._anatomy)
        block = {kind: spot for kind, spot in self.layout.block.items() if kind not in kinds}
        less.__dict__["layout"] = replace(self.layout, block=block)
        return less

    @property
    def _mixes_experts(self) -> bool:
        spot = self.layout.block.get("mlp_hidden")
        # a number in the path is one expert of a list; fused ones have no module that the site could enter
        return spot is None or any(part.isdecimal() for part in spot.path.split("."))

    def _columns(self, kind: str, spot: Spot) -> Heads:
        count = self.heads(kind)
        if spot.part is None:
            return Heads(self._size, 0, count, 0, self._size)
        if spot.by_head:
            return Heads(3 * self._size, 0, count, spot.part * self._size, self._size)
        first = (0, self._heads, self._heads + self._groups)[spot.part]
        return Heads(self._size, first, count, 0, self._size)

    def _all(self) -> Iterator[Site]:
        inside: set[str] = {"resid_pre", "resid_post"}
        try:
            inside |= {*self.layout.block}
            positions = self.layout.positions is not None
        except NotApplicable:
            positions = False
        yield from (Site(kind) for kind in WHOLE if kind != "positions" or positions)
        for layer in range(self.layers):
            yield from (Site(kind, layer) for kind in (*STREAM, *HEADS) if kind in inside)

    def _lacks(self, site: Site) -> BadOption:
        have = [s for s in self._all() if s.layer in (None, 0)]
        kinds = ", ".join(f"{s.kind}.L" if s.layer == 0 else s.kind for s in have)
        heads = f" and {self.heads(site.kind)} heads there" if site.head is not None else ""
        return BadOption(
            f"this model has no site {site}; it has {kinds} with L from 0 to {self.layers - 1}{heads}"
        )


def _part(block: nn.Module, path: str, site: Site) -> nn.Module:
    try:
        return block.get_submodule(path)
    except AttributeError as error:
        raise NotApplicable(
            f"layer {site.layer} ({type(block).__name__}) has no {path}, where {site} would be: the blocks "
            "of this model are not all alike; choose a site that every layer has"
        ) from error
