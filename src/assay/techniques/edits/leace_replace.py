"""Erasing linearly what tells the value of a fact, and putting another value's mean in its place."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core import Edit
from assay.core.errors import BadOption, NotApplicable
from assay.model.changing.change import Change
from assay.techniques.edits.condition import Condition, acting
from assay.techniques.edits.known_values import KnownValues, labels, refuse
from assay.techniques.leace import Eraser, leace


def replacing(
    edits: Sequence[Edit], block: int, where: Condition, known: KnownValues, strength: float = 1.0
) -> Change:
    """Where the stream stands at the subject of edit ``i``, ``x' = x - A_r (x - to_i)``.

    ``A_r = W^+ P W`` erases the values of the edit's relation (``assay.techniques.leace``, one class for each
    value, fitted on the subjects of known facts), and ``to_i = m + strength (m_new - m)``, with m the mean of
    those subjects and m_new of those with the new value: after erasure the row gets the class mean that it
    lacks. Strength 1 makes it the mean row of its new class in all that tells values apart. Where no fact
    has the new value, the nearest that there is stands for m_new (``KnownValues.examples``).

    Raises:
        NotApplicable: nothing told has the new value of some edits, or all facts told have one value.
    """
    means = [known.mean(edit.relation, edit.new) for edit in edits]
    if missing := [edit for edit, mean in zip(edits, means, strict=True) if mean is None]:
        raise refuse(missing)
    relations = sorted({edit.relation for edit in edits})
    erasers = [_eraser(known, relation) for relation in relations]
    which = torch.tensor([relations.index(edit.relation) for edit in edits])
    middles = torch.stack([erasers[number].mean for number in which.tolist()])
    news = torch.stack([mean for mean in means if mean is not None]).double()
    to = middles + strength * (news - middles)

    def act(rows: Float[Tensor, "m d"], edit: Int[Tensor, " m"]) -> Float[Tensor, "m d"]:
        new, edit = rows.double().cpu(), edit.cpu()
        for number in which[edit].unique().tolist():
            own = which[edit] == number
            new[own] = erasers[number].moved(new[own], to[edit[own]]) + (
                _outside(erasers[number], to[edit[own]] - middles[edit[own]])
            )
        return new.to(rows)

    return acting(block, where, act)


def _outside(eraser: Eraser, step: Float[Tensor, "m d"]) -> Float[Tensor, "m d"]:
    """What of a step the eraser does not carry over: nothing for means of its own classes."""
    return step - (step @ eraser.right.T) @ eraser.left.T


def _eraser(known: KnownValues, relation: str) -> Eraser:
    numbers = known.of(relation)
    if len(labels(known, numbers).unique()) < 2:  # one value alone tells nothing: all relations
        numbers = list(range(len(known.facts)))
    try:
        return leace(known.rows[numbers], labels(known, numbers))
    except BadOption as error:
        raise NotApplicable(f"the values of '{relation}' cannot be told apart: {error}") from error
