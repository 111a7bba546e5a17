"""Seeded invention of one-word names, and the list of first names."""

import random

from assay.world.text import words

FIRST_NAMES: tuple[str, ...] = words(
    """ada alan anna ben bella carl clara dan dora eli emma finn flora gina greg hana hugo ida ivan jack
    jane kai kate leo lily luke mara marc nina noah nora olga oscar paul pia quinn rafe rita rosa sam sara
    tess theo tom uma una vera vic wade wendy will xena yara yuri zack zoe abel edna felix irma"""
)

_ONSETS = words("b br d dr f g gr h j k kl l m n p pr r s st t tr v w z")
_VOWELS = words("a e i o u au ei")
_CODAS = words("l m n r s t lk nd rn st")


class Namer:
    """Draws words that are not in `taken`, and adds them to it, so that namers with one set never collide.

    >>> taken = {"bel"}
    >>> drawn = [Namer(random.Random(0), taken).word("land") for _ in range(4)]
    >>> len(set(drawn)), len(taken)
    (4, 5)
    """

    def __init__(self, rng: random.Random, taken: set[str]) -> None:
        self._rng = rng
        self._taken = taken

    def word(self, suffix: str = "") -> str:
        """One new word of two syllables (one and a suffix, where a suffix is given)."""
        while True:
            rng = self._rng
            start = rng.choice(_ONSETS) + rng.choice(_VOWELS)
            middle = rng.choice(_ONSETS) + rng.choice(_VOWELS) if not suffix or rng.random() < 0.5 else ""
            word = start + middle + (suffix or rng.choice(_CODAS))
            if word not in self._taken:
                self._taken.add(word)
                return word

    def draw(self, count: int, suffix: str = "") -> tuple[str, ...]:
        """`count` new words that end in `suffix`."""
        return tuple(self.word(suffix) for _ in range(count))
