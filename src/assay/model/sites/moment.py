"""What a pass is working on, and which of its positions are meant."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from assay.core.errors import BadOption


@dataclass(frozen=True)
class Moment:
    """The tokens of one pass. While a reply is written, each step is a pass of its own."""

    ids: Int[Tensor, "n t"]
    positions: Int[Tensor, "n t"]
    """The place of each token in its text, from 0; -1 on padding."""
    lengths: Int[Tensor, " n"]
    """Tokens of each text or prompt, what is written after it not counted."""
    numbers: Int[Tensor, " n"]
    """Which of the caller's texts stands in each row; a pass may hold some of them, in any order."""


Predicate = Callable[[Moment], Bool[Tensor, "n t"]]
At = int | slice | Int[Tensor, " n"] | Bool[Tensor, "n t"] | Predicate | None
"""Which positions of a text: one (negative ones count back from the end of the text or prompt), a range, one
per text, any by a mask or by a rule; None for all."""


def chosen(at: At, moment: Moment) -> Bool[Tensor, "n t"]:
    """Which tokens of a pass are meant.

    Raises:
        BadOption: a position that lies outside a text, or a mask that does not fit, given or by a rule.

    >>> row = torch.arange(3)[None]
    >>> moment = Moment(row + 7, row, lengths=torch.tensor([3]), numbers=torch.tensor([0]))
    >>> chosen(-1, moment).tolist(), chosen(slice(1, None), moment).tolist()
    ([[False, False, True]], [[False, True, True]])
    """
    positions = moment.positions
    if at is None:
        return positions >= 0
    if callable(at):
        mask = at(moment)
        if mask.shape != positions.shape:
            given, wanted = tuple(mask.shape), tuple(positions.shape)
            raise BadOption(f"a rule gave a mask of shape {given} for tokens of shape {wanted}")
        return mask
    if isinstance(at, slice):
        return _ranged(at, moment)
    if not isinstance(at, Tensor):
        return positions == counted(at, moment.lengths)[:, None]
    if at.ndim and len(at) <= int(moment.numbers.max()):
        raise BadOption(f"positions for {len(at)} texts, but there is a text {int(moment.numbers.max())}")
    mine = at.to(positions.device)[moment.numbers] if at.ndim else at
    if at.dtype == torch.bool:
        return _masked(mine, moment)
    return positions == counted(mine, moment.lengths)[:, None]


def counted(at: int | Int[Tensor, "*n"], lengths: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """One position per text, counted from its start; raises BadOption for one outside a text."""
    if isinstance(at, Tensor) and at.shape not in ((), lengths.shape):
        raise BadOption(f"{len(at)} positions for {len(lengths)} texts; give one for all or one for each")
    one = torch.as_tensor(at, device=lengths.device).expand(len(lengths))
    found = torch.where(one < 0, one + lengths, one)
    wrong = ((found < 0) | (found >= lengths)).nonzero()
    if len(wrong):
        row = int(wrong[0])
        raise BadOption(
            f"position {int(one[row])} lies outside text {row} (counting from 0), which has "
            f"{int(lengths[row])} tokens"
        )
    return found


def _ranged(at: slice, moment: Moment) -> Bool[Tensor, "n t"]:
    if at.step not in (None, 1):
        raise BadOption(f"a range of positions with steps of {at.step}; give a mask")
    edges: list[Tensor | int] = [
        edge + moment.lengths[:, None] if edge is not None and edge < 0 else edge or 0
        for edge in (at.start, at.stop)
    ]
    inside = (moment.positions >= 0) & (moment.positions >= edges[0])
    return inside if at.stop is None else inside & (moment.positions < edges[1])


def _masked(mask: Bool[Tensor, "n all"], moment: Moment) -> Bool[Tensor, "n t"]:
    if mask.ndim != 2 or mask.shape[1] < int(moment.lengths.max()):
        longest = int(moment.lengths.max())
        raise BadOption(f"a mask with rows of {mask.shape[-1]} for texts of up to {longest} tokens")
    known = (moment.positions >= 0) & (moment.positions < mask.shape[1])
    return mask.gather(1, moment.positions.clamp(0, mask.shape[1] - 1)) & known
