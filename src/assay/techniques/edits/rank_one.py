"""ROME: one fact is one key and one value, written into one matrix by a change of rank one.

Meng et al., "Locating and editing factual associations in GPT" (arXiv 2202.05262), section 3; with one key
everywhere, as in Gupta et al., "Rebuilding ROME" (arXiv 2403.07175).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Change, Edit
from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta
from assay.techniques.edits.projection import Projection, projection
from assay.techniques.edits.second_moment import SecondMoment
from assay.techniques.edits.subject_keys import context_states
from assay.techniques.edits.values import PLAIN, Aim, wanted

Factors = tuple[Float[Tensor, "out n"], Float[Tensor, "n m"]]


def rome(
    handle: WhiteHandle,
    edits: Sequence[Edit],
    block: int,
    moment: SecondMoment,
    how: Aim = PLAIN,
    *,
    together: int = 1,
    mismatched: bool = False,
) -> Delta:
    """Make each edit's value what the block's MLP gives for its key; one edit after the other.

    W^ = W + L (C^-1 k)^T,    L = (v* - W k) / ((C^-1 k)^T k)

    k is the mean key of the edit's subject, and ``v* = v0 + change``, less the bias if the map has one, with
    the change found by ``handle.push`` at ``mlp_out`` of the block on the model as it is by then. After one
    edit ``W^ k = v*``, and keys with ``k'^T C^-1 k = 0`` give what they gave. The delta belongs on top of the
    handle's model.

    ``together`` values at a time are looked for at once, on the model as it is before the first of them, and
    still written one by one; 1 is the paper's way, more is faster and leaves out what one edit does to the
    texts of the next.

    ``mismatched`` does what the papers' code does: the mean key makes the direction ``C^-1 k``, but the key
    of the bare prompt stands in the denominator and in ``W k``. Then ``W^ k = v*`` holds for that key alone,
    and the change is as long as one likes where the two keys are far apart under ``C^-1``.

    Cost: for each edit a push (``4 x 20`` short texts, say); keys of all edits in one pass, since what is
    written into a block's map does not reach its own keys.

    Raises:
        BadOption: no edits, or a moment of another size.
        NotApplicable: what ``projection`` and ``subject_ends`` raise.
    """
    linear, left, right = rank_ones(
        handle, edits, block, moment, how, together=together, mismatched=mismatched
    )
    return linear.delta(left, right, note=f"ROME at block {block}")


def rank_ones(
    handle: WhiteHandle,
    edits: Sequence[Edit],
    block: int,
    moment: SecondMoment,
    how: Aim,
    *,
    together: int = 1,
    mismatched: bool = False,
) -> tuple[Projection, Float[Tensor, "out n"], Float[Tensor, "n m"]]:
    """The map, and the factors of each edit's change as ``rome`` makes them: ``left[:, i] right[i]``."""
    if not edits:
        raise BadOption("no edits to make; give at least one")
    linear = projection(handle, block, edits[0].prompt)
    if moment.size != linear.matrix.shape[1]:
        raise BadOption(
            f"the second moment is of keys of {moment.size} dimensions, those of block {block} have "
            f"{linear.matrix.shape[1]}; take it at that block"
        )
    states = context_states(handle, edits, f"mlp_hidden.{block}", how.contexts)
    means, bare = states.mean(1), states[:, 0]
    items = wanted(edits, how)
    right = moment.solve(means)
    left = torch.zeros(len(linear.matrix), len(edits), dtype=right.dtype)
    values = torch.empty_like(left.T)
    for number, key in enumerate(bare if mismatched else means):
        done, rows = left[:, :number], right[:number]
        if number % together == 0:
            some = slice(number, number + together)
            now = handle.changed(Change(deltas=(linear.delta(done, rows),))) if number else handle
            found = now.push(items[some], f"mlp_out.{block}", how.pushing)
            values[some] = (found.start + found.change).double()
        before = linear.outputs(key[None])[0] + done @ (rows @ key)
        left[:, number] = (values[number] - before) / (right[number] @ key)
    return linear, left, right
