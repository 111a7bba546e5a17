"""Words of a text, for methods that see text and no tokenizer."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

WORD = re.compile(r"\w+|[^\w\s]")
REDUCTIONS = ("mean", "max", "top3")
"""How one number is made of many: their mean, the largest, or the mean of the three largest."""


def words(text: str) -> list[str]:
    """Lower-case words and single punctuation marks.

    >>> words("Are you sure?")
    ['are', 'you', 'sure', '?']
    """
    return WORD.findall(text.lower())


def joined(left: str, right: str) -> str:
    """Put a text behind another, with a space between them unless one brings it.

    >>> joined("a", "b"), joined("a", " b")
    ('a b', 'a b')
    """
    return left + right if not left or left[-1].isspace() or right[:1].isspace() else f"{left} {right}"


def reduce(values: Sequence[float] | Float[np.ndarray, " n"], how: str) -> float:
    """Make one number of many; 0 of none.

    >>> reduce([1.0, 2.0, 9.0], "mean"), reduce([1.0, 2.0, 9.0], "max"), reduce([], "max")
    (4.0, 9.0, 0.0)
    """
    found = np.asarray(values, dtype=np.float64)
    if not found.size:
        return 0.0
    if how == "top3":
        return float(np.sort(found)[-3:].mean())
    return float(found.max() if how == "max" else found.mean())
