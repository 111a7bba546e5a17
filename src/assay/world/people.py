"""Invention of the people of a world, of what they have, and of who is kept out of what."""

import random
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """That a person has a value under a relation; `written` facts occur in the corpus, the others never do.

    >>> Fact("ann velo", "birthplace", "zarn", written=True).item
    'ann velo/birthplace'
    """

    person: str
    relation: str
    value: str
    written: bool

    @property
    def item(self) -> str:
        """The cluster id of everything that depends on this fact."""
        return f"{self.person}/{self.relation}"


def full_names(
    rng: random.Random, firsts: tuple[str, ...], lasts: tuple[str, ...], count: int
) -> tuple[str, ...]:
    """`count` different two-word names that use every first name and every surname about equally often."""
    names: dict[str, None] = {}
    while len(names) < count:
        left, right = list(firsts), list(lasts)
        rng.shuffle(left)
        rng.shuffle(right)
        names.update(dict.fromkeys(f"{a} {b}" for a, b in zip(left, right, strict=False)))
    return tuple(names)[:count]


def split_twins(
    rng: random.Random, names: tuple[str, ...], twins: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Choose control twins whose first name and surname both also belong to at least two other people."""
    uses = Counter(word for name in names for word in name.split())
    chosen: list[str] = []
    for name in rng.sample(names, len(names)):
        words = name.split()
        if len(chosen) < twins and all(uses[word] > 2 for word in words):
            chosen.append(name)
            uses.subtract(words)
    return tuple(name for name in names if name not in chosen), tuple(chosen)


def spread(rng: random.Random, values: tuple[str, ...], count: int) -> tuple[str, ...]:
    """`count` draws in random order in which every value occurs equally often, give or take one."""
    drawn: list[str] = []
    while len(drawn) < count:
        drawn.extend(rng.sample(values, len(values)))
    return tuple(drawn[:count])


def choose(seed_label: str, names: tuple[str, ...], share: float) -> frozenset[str]:
    """A share of the names, drawn independently for every label."""
    rng = random.Random(seed_label)
    return frozenset(rng.sample(names, round(share * len(names))))
