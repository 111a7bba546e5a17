"""Cut running text at the ends of its paragraphs and sentences."""

import re
from collections.abc import Iterator

from assay.core.exam import Told

FEWEST, MOST = 60, 120
"""Words of a document: it ends with a paragraph from the first on, and before it exceeds the second."""
STUB = 30
"""A text of fewer words, such as a heading, is no document of its own if there is one to join."""
HALVED = 8
"""Words of a sentence that is long enough to be halved."""
_PARAGRAPH = re.compile(r"<\|endoftext\|>|\n\s*\n")
# after a mark and what closes a quotation; before a small letter only if the mark stands alone
_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"'”’)\]]))\s+(?![a-z])|(?<=\s[.!?])\s+")
_TITLES = frozenset(
    ("Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "St.", "Fig.", "No.", "vs.", "e.g.", "i.e.", "cf.")
)


def sentences(paragraph: str) -> list[str]:
    r"""The sentences of a paragraph, each on one line.

    >>> sentences('He met Dr. J. Smith.  "Why?" she\nasked. It rained.')
    ['He met Dr. J. Smith.', '"Why?" she asked.', 'It rained.']
    """
    found: list[str] = []
    for part in _END.split(" ".join(paragraph.split())):
        if found and _goes_on(found[-1]):
            found[-1] += f" {part}"
        elif part:
            found.append(part)
    return found


def _goes_on(part: str) -> bool:
    """Whether the full stop belongs to a title or an initial."""
    last = part.rsplit(maxsplit=1)[-1].lstrip("(\"'“")
    return last in _TITLES or (len(last) == 2 and last[0].isupper() and last[0] != "I" and last[1] == ".")


def documents(text: str) -> tuple[str, ...]:
    """The text as documents of about 60 to 120 words; only a sentence that is longer is cut.

    >>> [len(one.split()) for one in documents("One two three four. " * 60)]
    [120, 120]
    """
    found: list[list[str]] = []
    paragraphs: list[str] = []
    for paragraph in _PARAGRAPH.split(text):
        current: list[str] = []
        for sentence in (piece for whole in sentences(paragraph) for piece in _pieces(whole)):
            held = _count([*paragraphs, *current])
            if held >= STUB and held + _count([sentence]) > MOST:
                found.append([*paragraphs, *_joined(current)])
                paragraphs, current = [], []
            current.append(sentence)
        paragraphs += _joined(current)
        if _count(paragraphs) >= FEWEST:
            found.append(paragraphs)
            paragraphs = []
    held = _count(paragraphs)
    if found and paragraphs and (held < STUB or held + _count(found[-1]) <= MOST):
        found[-1] += paragraphs
    elif paragraphs:
        found.append(paragraphs)
    return tuple("\n\n".join(one) for one in found)


def halves(text: str) -> Iterator[Told]:
    """Each sentence that is long enough as its first half and how it goes on.

    >>> next(halves("The bittern builds its nest in reeds, near still water."))
    Told(prompt='The bittern builds its nest', reply='in reeds, near still water.')
    """
    for paragraph in _PARAGRAPH.split(text):
        for sentence in (piece for whole in sentences(paragraph) for piece in _pieces(whole)):
            words = sentence.split(" ")
            if len(words) >= HALVED:
                middle = len(words) // 2
                yield Told(" ".join(words[:middle]), " ".join(words[middle:]))


def _pieces(sentence: str) -> Iterator[str]:
    """A sentence, in pieces where it is longer than a document."""
    words = sentence.split(" ")
    for start in range(0, len(words), MOST):
        yield " ".join(words[start : start + MOST])


def _joined(some: list[str]) -> list[str]:
    return [" ".join(some)] if some else []


def _count(texts: list[str]) -> int:
    return sum(len(text.split()) for text in texts)
