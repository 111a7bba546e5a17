"""A count model of word sequences."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

START = "<start>"


@dataclass(frozen=True)
class NgramModel:
    """Probability of a word after the words before it, each order leaning on the shorter one.

    ``P_k(w | h) = (count(h w) + strength * P_{k-1}(w | shorter h)) / (count(h) + strength)``, down to the
    uniform distribution over all words seen and one unseen. MacKay & Peto, "A hierarchical Dirichlet
    language model" (Natural Language Engineering 1, 1995).
    """

    order: int
    strength: float
    counts: Mapping[tuple[str, ...], int]
    """How often each sequence of up to ``order`` words occurs."""
    contexts: Mapping[tuple[str, ...], int]
    """How often each sequence of fewer words is followed by any word."""
    vocabulary: int

    def probability(self, word: str, before: tuple[str, ...]) -> float:
        """Probability of a word; the last ``order - 1`` of the words before it count."""
        found = 1.0 / (self.vocabulary + 1)
        for length in range(self.order):
            context = before[len(before) - length :]
            seen = self.counts.get((*context, word), 0)
            found = (seen + self.strength * found) / (self.contexts.get(context, 0) + self.strength)
        return found

    def probabilities(self, text: Sequence[str]) -> Float[np.ndarray, " n"]:
        """Probability of every word of a text, given those before it."""
        padded = (START,) * (self.order - 1) + tuple(text)
        return np.array(
            [
                self.probability(padded[i], padded[i - self.order + 1 : i])
                for i in range(self.order - 1, len(padded))
            ]
        )


def count_ngrams(texts: Iterable[Sequence[str]], order: int, strength: float) -> NgramModel:
    """Count every sequence of up to ``order`` words.

    >>> model = count_ngrams([["a", "b"], ["a", "c"]], order=2, strength=0.1)
    >>> model.probability("b", ("a",)) > model.probability("b", ("c",)) > model.probability("z", ("a",))
    True
    """
    counts: Counter[tuple[str, ...]] = Counter()
    contexts: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        padded = (START,) * (order - 1) + tuple(text)
        for i in range(order - 1, len(padded)):
            for length in range(order):
                context = padded[i - length : i]
                counts[(*context, padded[i])] += 1
                contexts[context] += 1
    vocabulary = sum(len(sequence) == 1 for sequence in counts)
    return NgramModel(order, strength, counts, contexts, vocabulary)
