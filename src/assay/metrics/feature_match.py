"""Which feature stands for a concept: the one, with a threshold, that marks the concept's places best."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from assay.core.errors import BadOption

_TOGETHER = 1000
"""Rows that are looked through at once."""
_CELLS = 4_000_000
"""Most entries times concepts that are worked on at once."""


@dataclass(frozen=True, eq=False)
class Entries:
    """The places where features are on, sorted by feature and within it from the largest value down."""

    row: Int[np.ndarray, " e"]
    feature: Int[np.ndarray, " e"]
    value: Float[np.ndarray, " e"]
    rows: int
    features: int

    @classmethod
    def of(cls, blocks: Iterable[Float[np.ndarray, "rows features"]], features: int) -> "Entries":
        """From the dense activities of texts, one behind the other.

        Raises:
            BadOption: a block with another number of features, or with a value that is below 0 or no number.
        """
        rows = 0
        found = [_nonzero(np.zeros((0, features)), 0)]
        for some in _joined(blocks, features):
            found.append(_nonzero(some, rows))
            rows += len(some)
        row, feature, value = (np.concatenate(part) for part in zip(*found, strict=True))
        # stable sorts from the least to the most important key
        order = np.argsort(-value, kind="stable")
        order = order[np.argsort(feature[order], kind="stable")]
        return cls(row[order], feature[order], value[order], rows, features)

    def at(self, feature: int) -> tuple[Int[np.ndarray, " e"], Float[np.ndarray, " e"]]:
        """Rows and values of one feature."""
        low, high = np.searchsorted(self.feature, [feature, feature + 1])
        return self.row[low:high], self.value[low:high]

    def fired(self, feature: int, threshold: float) -> Bool[np.ndarray, " rows"]:
        """Where a feature reaches a threshold above 0."""
        row, value = self.at(feature)
        found = np.zeros(self.rows, dtype=bool)
        found[row[value >= threshold]] = True
        return found


def _joined(
    blocks: Iterable[Float[np.ndarray, "rows features"]], features: int
) -> Iterable[Float[np.ndarray, "rows features"]]:
    """The blocks checked, several at a time: many small ones cost more than what is in them."""
    waiting: list[np.ndarray] = []
    for block in blocks:
        if block.ndim != 2 or block.shape[1] != features:
            raise BadOption(f"an activity of shape {block.shape} does not hold {features} features")
        waiting.append(block)
        if sum(map(len, waiting)) >= _TOGETHER:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _nonzero(
    block: Float[np.ndarray, "rows features"], above: int
) -> tuple[Int[np.ndarray, " e"], Int[np.ndarray, " e"], Float[np.ndarray, " e"]]:
    """Row, feature and value of what is not zero."""
    if len(block) and not (np.isfinite(block).all() and block.min() >= 0):
        raise BadOption("an activity holds a value that is below 0 or no number")
    row, feature = np.nonzero(block)
    return row + above, feature, block[row, feature].astype(np.float64)


@dataclass(frozen=True, eq=False)
class Matches:
    """For every feature and concept the best F1 that a threshold reaches, and that threshold."""

    f1: Float[np.ndarray, "features concepts"]
    threshold: Float[np.ndarray, "features concepts"]

    def best(self) -> Int[np.ndarray, " concepts"]:
        """The feature that matches each concept best; the earlier one of equals."""
        return self.f1.argmax(axis=0)


def matches(entries: Entries, marks: Bool[np.ndarray, "rows concepts"]) -> Matches:
    """``F1 = 2 tp / (on + marked)`` of "the feature is at least u", for the best ``u`` above 0.

    Both are chosen on these rows, so what they are worth is to be measured on others. A feature that is on
    nowhere has F1 0. Raises BadOption if rows and marks differ in number.

    >>> entries = Entries.of([np.array([[3.0, 1.0], [0.0, 1.0], [1.0, 1.0]])], 2)
    >>> matches(entries, np.array([[True], [False], [False]])).threshold.tolist()
    [[3.0], [1.0]]
    """
    if len(marks) != entries.rows:
        raise BadOption(f"{len(marks)} marked rows for an activity of {entries.rows}")
    concepts = marks.shape[1]
    found = Matches(np.zeros((entries.features, concepts)), np.full((entries.features, concepts), np.inf))
    marked = marks.sum(axis=0)
    for low, high in _parts(entries, max(1, _CELLS // max(concepts, 1))):
        feature, value = entries.feature[low:high], entries.value[low:high]
        hits = marks[entries.row[low:high]].cumsum(axis=0, dtype=np.float64)
        first = np.flatnonzero(np.r_[True, feature[1:] != feature[:-1]])
        before = np.where((first > 0)[:, None], hits[first - 1], 0.0)
        which = np.repeat(np.arange(len(first)), np.diff(np.r_[first, high - low]))
        on = np.arange(high - low) - first[which] + 1
        # equal values are on together, so only the last of them is a place for a threshold
        last = np.r_[(feature[1:] != feature[:-1]) | (value[1:] != value[:-1]), True]
        f1 = np.where(last[:, None], 2 * (hits - before[which]) / (on[:, None] + marked), -1.0)
        for start, stop in zip(first, np.r_[first[1:], high - low], strict=True):
            place = f1[start:stop].argmax(axis=0)
            found.f1[feature[start]] = f1[start:stop].max(axis=0)
            found.threshold[feature[start]] = value[start + place]
    return found


def _parts(entries: Entries, most: int) -> Iterable[tuple[int, int]]:
    """Stretches of whole features with about so many entries."""
    ends = (
        np.flatnonzero(np.r_[entries.feature[1:] != entries.feature[:-1], True]) + 1
        if len(entries.row)
        else []
    )
    low = 0
    for number, end in enumerate(ends):
        if number + 1 == len(ends) or ends[number + 1] - low > most:
            yield low, int(end)
            low = int(end)
