"""Words of prompts, how alike two of them are, and in which wordings a fact is known."""

import re
from collections.abc import Sequence

from assay.core import Edit

_WORD = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> tuple[str, ...]:
    """Lower-case words and single punctuation marks, in order.

    >>> words("Ann Velo's pet is")
    ('ann', 'velo', "'", 's', 'pet', 'is')
    """
    return tuple(_WORD.findall(text.lower()))


def overlap(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard's index ``|A ∩ B| / |A ∪ B|``; 0 of two empty sets.

    >>> overlap(frozenset("abc"), frozenset("bcd"))
    0.5
    """
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared or 1)


def holds(text: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether words stand in a text, next to one another; no phrase stands nowhere.

    >>> holds(("the", "cat", "of", "ann", "velo"), ("ann", "velo"))
    True
    """
    return bool(places(text, phrase))


def places(text: Sequence[str], phrase: Sequence[str]) -> list[int]:
    """Where in a text a phrase begins.

    >>> places(("a", "b", "a"), ("a",)), places(("a", "b"), ())
    ([0, 2], [])
    """
    size = len(phrase)
    starts = range(len(text) - size + 1) if size else ()
    return [n for n in starts if tuple(text[n : n + size]) == tuple(phrase)]


def wordings(edit: Edit) -> tuple[str, ...]:
    """Texts after which the fact's value comes: its prompt, and its documents cut before the old value.

    Documents that name the subject only behind the value tell no such text.

    >>> told = ("the pet of ann is a cat .", "cat ! thinks ann")
    >>> wordings(Edit("ann keeps a", "ann", "cat", "dog", documents=told))
    ('ann keeps a', 'the pet of ann is a')
    """
    found = dict.fromkeys((edit.prompt,))
    for document in edit.documents:
        after = document.find(edit.subject) + len(edit.subject)
        value = re.search(rf"(?<!\w){re.escape(edit.old)}(?!\w)", document[after:])
        if edit.subject in document and value:
            found[document[: after + value.start()].rstrip()] = None
    return tuple(found)
