"""ROME's change for each of several facts, each as if it were the only one."""

from collections.abc import Sequence

from assay.access import WhiteHandle
from assay.core import Edit
from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta
from assay.techniques.edits.projection import projection
from assay.techniques.edits.second_moment import SecondMoment
from assay.techniques.edits.subject_keys import keys
from assay.techniques.edits.values import Aim, wanted


def each_alone(
    handle: WhiteHandle, edits: Sequence[Edit], block: int, moment: SecondMoment, how: Aim
) -> list[Delta]:
    """For each edit the delta that ``rome(handle, [edit], block, moment, how)`` gives.

    Keys are read and values pushed for all edits together, since none is on top of another: one push in
    place of one for each.

    Raises:
        BadOption: no edits.
        NotApplicable: what ``projection`` and ``subject_ends`` raise.
    """
    if not edits:
        raise BadOption("no edits to make; give at least one")
    linear = projection(handle, block, edits[0].prompt)
    means = keys(handle, edits, block, how.contexts)
    found = handle.push(wanted(edits, how), f"mlp_out.{block}", how.pushing)
    missing = (found.start + found.change).double() - linear.outputs(means)
    duals = moment.solve(means)
    lefts = missing / (duals * means).sum(1, keepdim=True)
    return [
        linear.delta(left[:, None], right[None], note=f"ROME at block {block}")
        for left, right in zip(lefts, duals, strict=True)
    ]
