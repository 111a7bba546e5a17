"""AlphaEdit: many facts at once, written where ordinary text has next to nothing.

Fang et al., "AlphaEdit: null-space constrained knowledge editing" (arXiv 2410.02355), section 3.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core import Edit
from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta
from assay.techniques.edits.second_moment import SecondMoment
from assay.techniques.edits.spread import Rows, spread
from assay.techniques.edits.values import Aim


def quiet_projector(moment: SecondMoment, loud: float) -> Float[Tensor, "m m"]:
    """P, which keeps what is orthogonal to the loudest directions of ordinary keys.

    The eigenvectors of C with the largest eigenvalues, as many as hold ``loud`` of its trace, are taken out.
    The paper takes out eigenvalues above 2e-2; keys are as long as a model makes them, so no number of this
    kind carries over from one to another, and a share of the trace does.

    Raises:
        BadOption: a share outside 0 to 1.

    >>> quiet_projector(SecondMoment(torch.diag(torch.tensor([9.0, 1.0]).double()), 40), 0.9)
    tensor([[0., 0.],
            [0., 1.]], dtype=torch.float64)
    """
    if not 0 <= loud <= 1:
        raise BadOption(f"a share of {loud} of the trace; give one between 0 and 1")
    values, vectors = torch.linalg.eigh(moment.matrix)
    held = values.flip(0).clamp_min(0).cumsum(0) / values.clamp_min(0).sum()
    # a share that is just reached must not take one direction more by rounding
    count = int((held < loud - 1e-9).sum()) + 1 if loud > 0 else 0
    kept = vectors[:, : len(values) - count]
    return kept @ kept.T


def projected(
    rows: Rows, projector: Float[Tensor, "m m"], weight: float, previous: Rows | None = None
) -> Rows:
    """``K1^T P (Kp Kp^T P + K1 K1^T P + w I)^-1``, keys by rows, Kp those of edits made before.

    With M = [Kp K1] it is the lower part of ``(M^T P M + w I)^-1 M^T P``, which is solved for as many
    unknowns as there are edits.
    """
    every = rows if previous is None else torch.cat([previous, rows])
    inside = every @ projector
    gram = inside @ every.T
    solved = torch.linalg.solve(gram + weight * torch.eye(len(every), dtype=every.dtype), inside)
    return solved[len(every) - len(rows) :]


def alphaedit(
    handle: WhiteHandle,
    edits: Sequence[Edit],
    projectors: Mapping[int, Float[Tensor, "m m"]],
    how: Aim,
    weights: Mapping[int, float],
    previous: Mapping[int, Rows] | None = None,
    goal: Float[Tensor, "n d"] | None = None,
) -> Delta:
    """Make all edits at once in the down-projections of the blocks whose projectors are given.

    D = R K1^T P (Kp Kp^T P + K1 K1^T P + w I)^-1

    with R as in MEMIT. D = D P, so keys outside the span that P keeps give what they gave, to rounding. The
    weight of each block is in squared lengths of keys. Raises what ``memit`` raises.
    """

    def write(block: int, rows: Rows) -> Rows:
        return projected(rows, projectors[block], weights[block], (previous or {}).get(block))

    return spread(handle, edits, sorted(projectors), how, write, goal)
