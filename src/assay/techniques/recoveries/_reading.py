"""Marks for what can be read out of a model's layers, whatever the model says."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from assay.access import WhiteHandle
from assay.core.exam import Question, Sheet
from assay.techniques.sitting import credited

FEW = 4
"""Layers that are tried of a deep model, besides the last, in the coarse grid."""


def layers(count: int, full: bool) -> list[int]:
    """Numbers of layers, as handles number them, up to the last: all, or of a deep model some evenly spread.

    >>> layers(4, full=False), layers(12, full=False), len(layers(12, full=True))
    ([1, 2, 3, 4], [2, 5, 7, 10, 12], 12)
    """
    if full or count <= FEW:
        return list(range(1, count + 1))
    return sorted({max(1, round(count * (part + 1) / (FEW + 1))) for part in range(FEW + 1)})


def option_tokens(handle: WhiteHandle, questions: Sequence[Question]) -> list[list[int]]:
    """Of each question the token of each option by which the options first differ."""
    ids = handle.continuation_ids(
        [q.lead for q in questions for _ in q.options],
        [f" {option}" for q in questions for option in q.options],
    )
    found: list[list[int]] = []
    for question in questions:
        own, ids = ids[: len(question.options)], ids[len(question.options) :]
        found.append(told_apart(own))
    return found


def told_apart(options: Sequence[Sequence[int]]) -> list[int]:
    """The token of each option at the first place where not all are the same.

    The last one of an option that is shorter.

    >>> told_apart([[5, 1], [5, 2, 9], [5]])
    [1, 2, 5]
    """
    places = range(max(map(len, options)))
    at = next((n for n in places if len({tuple(ids[n : n + 1]) for ids in options}) > 1), 0)
    return [ids[min(at, len(ids) - 1)] for ids in options]


def marked(
    scores: Float[np.ndarray, "questions vocabulary"],
    questions: Sequence[Question],
    tokens: Sequence[Sequence[int]],
    sayable: Sequence[int] | None = None,
) -> Sheet:
    """The marks of scores of all tokens: credit for the right option, and whether nothing sayable beats it.

    Sayable are all tokens, or those named and the question's own options.
    """
    sheet = np.zeros((len(questions), 2))
    for row, (own, options, question) in enumerate(zip(scores, tokens, questions, strict=True)):
        right = options[question.right]
        rivals = own if sayable is None else own[[*sayable, *options]]
        sheet[row] = credited(own[list(options)], question.right), float(own[right] >= rivals.max())
    return sheet
