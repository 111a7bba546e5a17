"""MEMIT: many facts at once, the work shared by the MLPs of several blocks.

Meng et al., "Mass-editing memory in a transformer" (arXiv 2210.07229), section 4.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change, Edit
from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta, compose
from assay.techniques.edits.projection import projection
from assay.techniques.edits.second_moment import SecondMoment
from assay.techniques.edits.subject_keys import context_states, keys
from assay.techniques.edits.values import Aim, wanted

Rows = Float[Tensor, "n m"]
Writing = Callable[[int, Rows], Rows]
"""(block, keys "n m") -> the right factor "n m" of the change: what each edit's key is told by."""


def memit(
    handle: WhiteHandle,
    edits: Sequence[Edit],
    moments: Mapping[int, SecondMoment],
    how: Aim,
    weight: float = 1.0,
    goal: Float[Tensor, "n d"] | None = None,
) -> Delta:
    """Make all edits at once, in the down-projections of the blocks whose moments are given.

    z = resid_post of the highest block, changed by ``handle.push``; then for each block, lowest first,

        D = R K^T (w C + K K^T)^-1,    R = (Z - H) / (blocks left, this one included),    w = weight m

    with K and H read again on the model as changed so far. C is a mean over tokens, so w counts ordinary
    tokens against edits; q = k^T C^-1 k averages m over them, and of one edit alone ``q / (w + q)`` is
    written: hence the unit m. With one block, one edit and ``weight`` 0 it is ROME's change for the same R.

    Raises:
        BadOption: no edits, no blocks, or a weight below 0.
        NotApplicable: what ``projection`` and ``subject_ends`` raise.
    """
    if weight < 0:
        raise BadOption(f"weight {weight} is below 0; give 1 or so")

    def write(block: int, rows: Rows) -> Rows:
        return damped(rows, moments[block].solve(rows), weight * moments[block].size)

    return spread(handle, edits, sorted(moments), how, write, goal)


def damped(rows: Rows, dual: Rows, weight: float) -> Rows:
    """``K^T (w C + K K^T)^-1`` from keys and ``C^-1 K``, both by rows: ``(w I + K^T C^-1 K)^-1 K^T C^-1``.

    The two are equal (push K through the inverse); this one solves for as many unknowns as there are edits,
    and also stands at w = 0, where keys are independent.

    >>> damped(torch.ones(1, 2), torch.ones(1, 2), 2.0)
    tensor([[0.2500, 0.2500]])
    """
    gram = rows @ dual.T
    return torch.linalg.solve(gram + weight * torch.eye(len(rows), dtype=rows.dtype), dual)


def goals(handle: WhiteHandle, edits: Sequence[Edit], block: int, how: Aim) -> Float[Tensor, "n d"]:
    """Where the stream above a block should be at the end of each subject, found for each by itself."""
    found = handle.push(wanted(edits, how), f"resid_post.{block}", how.pushing)
    return (found.start + found.change).double()


def spread(
    handle: WhiteHandle,
    edits: Sequence[Edit],
    blocks: Sequence[int],
    how: Aim,
    write: Writing,
    goal: Float[Tensor, "n d"] | None = None,
) -> Delta:
    """Bring the stream above the last of some blocks to where it should be, each block doing its share.

    ``write`` says how a block's keys become the right factor of its change; ``goal`` is what ``goals`` gives,
    if it is known. Raises what ``memit`` raises.
    """
    if not edits or not blocks:
        raise BadOption("nothing to do: give at least one edit and one block")
    top = f"resid_post.{blocks[-1]}"
    goal = goals(handle, edits, blocks[-1], how) if goal is None else goal
    deltas: list[Delta] = []
    for number, block in enumerate(blocks):
        now = handle.changed(Change(deltas=tuple(deltas)))
        here = context_states(now, edits, top, how.contexts[:1])[:, 0]
        residual = (goal - here) / (len(blocks) - number)
        right = write(block, keys(now, edits, block, how.contexts))
        deltas.append(projection(handle, block, edits[0].prompt).delta(residual.T, right))
    return compose(*deltas)
