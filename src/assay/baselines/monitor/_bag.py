"""Texts as weighted counts of single words and pairs of neighbours."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from assay.baselines.monitor._words import words

MOST_TERMS = 4096
COPIES = 1
LONGEST_INSERTION = 4


@dataclass(frozen=True)
class Bag:
    """A vocabulary with a weight for each term: rare terms count for more (inverse document frequency)."""

    weights: Mapping[str, float]
    columns: Mapping[str, int]

    def rows(self, texts: Sequence[str]) -> Float[np.ndarray, "n columns"]:
        """Weighted counts of each text, scaled to length 1, then its shares of unknown words and pairs."""
        table = np.zeros((len(texts), len(self.columns) + 2))
        for row, text in zip(table, texts, strict=True):
            found = terms(text)
            for term, count in Counter(found).items():
                if term in self.columns:
                    row[self.columns[term]] = (1 + np.log(count)) * self.weights[term]
            row[:-2] /= float(np.linalg.norm(row[:-2])) or 1.0
            row[-2:] = _unknown(found, self.columns)
        return table


def terms(text: str) -> list[str]:
    """Words and pairs of neighbours.

    >>> terms("do it now")
    ['do', 'it', 'now', 'do it', 'it now']
    """
    single = words(text)
    return single + [f"{a} {b}" for a, b in pairwise(single)]


def learn_bag(texts: Sequence[str]) -> Bag:
    """Choose the terms that stand in at least two texts, the most common first.

    Terms of a single text are left unknown, so that a classifier can learn what an unknown term means.
    """
    frequency = Counter(term for text in texts for term in set(terms(text)))
    chosen = [(t, n) for t, n in sorted(frequency.items(), key=lambda p: (-p[1], p[0])) if n > 1][:MOST_TERMS]
    weights = {term: 1.0 + float(np.log((1 + len(texts)) / (1 + count))) for term, count in chosen}
    return Bag(weights, {term: column for column, term in enumerate(weights)})


def with_insertions(texts: Sequence[str], vocabulary: Sequence[str], seed: int) -> list[str]:
    """Copies of each text with a run of one to four random words put in at a random place."""
    rng = random.Random(seed)
    changed: list[str] = []
    for text in texts:
        for _ in range(COPIES):
            found = text.split()
            place = rng.randint(0, len(found))
            inserted = rng.choices(vocabulary, k=rng.randint(1, LONGEST_INSERTION))
            changed.append(" ".join([*found[:place], *inserted, *found[place:]]))
    return changed


def _unknown(found: list[str], known: Mapping[str, int]) -> tuple[float, float]:
    single = [term not in known for term in found if " " not in term]
    double = [term not in known for term in found if " " in term]
    return sum(single) / max(1, len(single)), sum(double) / max(1, len(double))
