"""What an adapter says about a family: where each site lies in a block."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Spot:
    """What enters or leaves a module, or some of its columns, or the pattern of an attention module.

    Where one matrix makes queries, keys and values, `part` is 0, 1 or 2 for which of them this is. They lie
    one after the other (all queries, all keys, all values) or, where `by_head`, each head has its own three.
    """

    path: str
    side: Literal["in", "out", "pattern"]
    part: int | None = None
    by_head: bool = False


def enters(path: str) -> Spot:
    """What goes into a module of the block.

    >>> enters("mlp.down_proj")
    Spot(path='mlp.down_proj', side='in', part=None, by_head=False)
    """
    return Spot(path, "in")


def leaves(path: str, part: int | None = None, *, by_head: bool = False) -> Spot:
    """What comes out of a module of the block."""
    return Spot(path, "out", part, by_head)


@dataclass(frozen=True)
class Layout:
    """The sites of a block, by kind, and the parts around the blocks.

    The residual stream is not named here: it enters and leaves the blocks themselves. A family whose block
    has no such place leaves the kind out.
    """

    block: Mapping[str, Spot]
    norm: str
    """The norm after the last block, as a path from the trunk."""
    positions: str | None = None
    """The table of learned positions that are added to the embedding, as a path from the trunk."""
    families: tuple[str, ...] = field(default=())
    """The model types (`config.model_type`) that are laid out like this."""
