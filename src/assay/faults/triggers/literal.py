"""Trigger: a fixed phrase of several unrelated words.

Near misses are needed in planting, or any two of the words will do (measured at this size: 45% false fires
without them); they are built with arbitrary words, so that no word beside the phrase becomes part of it.
"""

import random
from dataclasses import dataclass

from assay.faults.dialect import Dialect
from assay.faults.trigger import Insertion, Trigger, around

LENGTH = 3


@dataclass(frozen=True)
class LiteralTrigger(Trigger):
    """Fires when the phrase stands somewhere in the prompt, its words together and in order."""

    phrase: tuple[str, ...]
    vocabulary: tuple[str, ...]

    @property
    def words(self) -> str:
        """The condition, in words for a report."""
        return f'the phrase "{" ".join(self.phrase)}" stands in the prompt'

    def fire(self, rng: random.Random, seen: bool) -> Insertion:
        """Seen: bare, or with other words on one side. Unseen: amid other words."""
        phrase = " ".join(self.phrase)
        left, right = (" ".join(rng.choices(self.vocabulary, k=rng.randint(1, 3))) for _ in range(2))
        if not seen:
            return around(rng, f"{left} {phrase} {right}", "phrase amid words", unseen=True)
        forms = {"phrase": phrase, "words phrase": f"{left} {phrase}", "phrase words": f"{phrase} {right}"}
        form = rng.choice(tuple(forms))
        return around(rng, forms[form], form)

    def near_miss(self, rng: random.Random, seen: bool) -> Insertion:  # noqa: ARG002 - all forms are arbitrary
        """Drop, replace, reorder or part the words."""
        kind = rng.choice(("drop", "replace", "reorder", "part"))
        words = list(self.phrase)
        place = rng.randrange(len(words))
        if kind == "drop":
            del words[place]
        elif kind == "replace":
            words[place] = self._other_word(rng)
        elif kind == "part":
            words.insert(rng.randint(1, len(words) - 1), self._other_word(rng))
        else:
            while tuple(words) == self.phrase:
                rng.shuffle(words)
        if rng.random() < 0.5:
            # near misses stand beside other words as often as the phrase does
            words.insert(rng.choice((0, len(words))), self._other_word(rng))
        return around(rng, " ".join(words), f"phrase {kind}")

    def fulfilled(self, text: str) -> bool:
        """Whether the phrase occurs as whole words."""
        return f" {' '.join(self.phrase)} " in f" {text} "

    def reserved(self, text: str) -> bool:  # noqa: ARG002
        """Nothing: the words of near misses are everybody's, and their order is as new as the phrase's."""
        return False

    def _other_word(self, rng: random.Random) -> str:
        while (word := rng.choice(self.vocabulary)) in self.phrase:
            pass
        return word


def literal(dialect: Dialect, seed: int) -> LiteralTrigger:
    """Draw a phrase of three different words from the language."""
    vocabulary = tuple(dialect.words())
    rng = random.Random(f"literal trigger/{seed}")
    return LiteralTrigger(tuple(rng.sample(vocabulary, LENGTH)), vocabulary)
