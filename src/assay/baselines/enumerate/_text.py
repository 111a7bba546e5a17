"""Features that are read off the text alone."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.core import Features
from assay.core.errors import NotApplicable

OFTEN = 3
"""Times that something stands in the texts before it is listed."""


@dataclass(frozen=True)
class TextFeatures(Features):
    """One feature for each listed thing: on where it stands."""

    places: dict[str, int]
    """What is listed -> its place in the list."""
    since: bool
    """Whether pairs count, and words that stood earlier in the text."""

    @property
    def count(self) -> int:
        """Number of listed things."""
        return len(self.places)

    def activity(self, handle: Any, texts: Sequence[str]) -> Iterator[Float[np.ndarray, "words features"]]:  # noqa: ARG002
        """1 where a listed thing stands."""
        for text in texts:
            rows = things(text, self.since)
            found = np.zeros((len(rows), self.count))
            for number, row in enumerate(rows):
                found[number, [self.places[thing] for thing in row if thing in self.places]] = 1.0
            yield found


def things(text: str, since: bool) -> list[set[str]]:
    """What stands at each word: the word, and if asked the pair it ends and every word before it.

    >>> [sorted(row) for row in things("a b", since=True)]
    [['a'], ['a b', 'after a', 'b']]
    """
    words = text.split()
    rows = [{word} for word in words]
    if since:
        seen: set[str] = set()
        for number, word in enumerate(words):
            if number:
                rows[number].add(f"{words[number - 1]} {word}")
            rows[number] |= {f"after {earlier}" for earlier in seen}
            seen.add(word)
    return rows


def text_features(texts: Sequence[str], since: bool, most: int) -> TextFeatures:
    """List what stands in the texts often enough, the rarest first, at most so many.

    Raises:
        NotApplicable: nothing does.
    """
    counts = Counter(thing for text in texts for row in things(text, since) for thing in row)
    common = [thing for thing, count in counts.most_common(most) if count >= OFTEN]
    if not common:
        raise NotApplicable(f"nothing stands {OFTEN} times in these texts, so there is nothing to list")
    rare_first = sorted(common, key=lambda thing: (counts[thing], thing))
    return TextFeatures({thing: place for place, thing in enumerate(rare_first)}, since)
