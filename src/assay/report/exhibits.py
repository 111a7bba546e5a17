"""What runs have left to be looked at: lists of features, checked field by field before a page shows them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from assay.core import Record
from assay.core.codec import Mismatch, build
from assay.core.errors import DamagedRecord
from assay.results.store import Store

FAULTS = ("the trigger", "the defection")
"""Names in the list of concepts that stand for the planted fault; their numbers count cases, not words."""
LEVELS = 8
"""Strengths of background behind the words of a context."""
_OPTIONAL: Mapping[str, Any] = {"detection": None, "unscored": "", "raised": [], "lowered": []}
"""What a feature may lack: a rare one has no detection, and one of plain text changes no logit."""


@dataclass(frozen=True)
class Concept:
    """A concept, or a part of the fault, and the feature that matches it best."""

    name: str
    feature: int
    """Place of that feature in the list, from 1."""
    f1_select: float
    f1: float
    n: int
    """Report words that hold the concept; of a part of the fault, report cases."""


@dataclass(frozen=True)
class Context:
    """Some words of a text, and a feature's activation at each."""

    words: tuple[str, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.values):
            raise ValueError(f"{len(self.words)} words have {len(self.values)} values")

    @property
    def peak(self) -> int:
        """Number of the word at which the feature is on most; -1 where it is never on."""
        on = [(value, -i) for i, value in enumerate(self.values) if value > 0]
        return -max(on)[1] if on else -1


@dataclass(frozen=True)
class Sheet:
    """One feature: where it is on, what explains it, what it does to the next token."""

    place: int
    concepts: tuple[str, ...]
    rate: float
    mean: float
    most: float
    histogram: tuple[float, ...]
    edges: tuple[float, ...]
    contexts: tuple[Context, ...]
    lookup: float
    """Pearson's r of looking the last word up: what an explanation must beat."""
    ngram: float
    """The same of the last three words."""
    explanation: str
    pearson: float
    detection: tuple[float, float, float, int] | None
    """Estimate, low, high, number of windows."""
    unscored: str
    raised: tuple[tuple[str, float], ...]
    lowered: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        if self.histogram and len(self.edges) != len(self.histogram) + 1:
            raise ValueError(f"{len(self.histogram)} bars have {len(self.edges)} edges")
        if not all(map(math.isfinite, (*self.histogram, *self.edges))):
            raise ValueError("a bar of the histogram is not finite")

    @property
    def beats_lookup(self) -> bool:
        """Whether the explanation predicts the feature better than the last word alone does."""
        return self.pearson > self.lookup


@dataclass(frozen=True)
class Measured:
    """How well a dictionary gives activations back, by one measure."""

    metric: str
    estimate: float
    low: float
    high: float
    n: int
    unit: str
    formula: str

    @property
    def title(self) -> str:
        """The measure's name in words."""
        return self.metric.replace("_", " ")


@dataclass(frozen=True)
class Exhibit:
    """What one run shows of its list of features."""

    count: int
    """Features of the whole list; not all have a sheet."""
    concepts: tuple[Concept, ...]
    missing: tuple[str, ...]
    features: tuple[Sheet, ...]
    measures: tuple[Measured, ...]
    """Empty for lists that are no dictionary."""

    def __post_init__(self) -> None:
        places = [sheet.place for sheet in self.features]
        if len(set(places)) < len(places):
            raise ValueError("two features have the same place")

    @property
    def world(self) -> tuple[Concept, ...]:
        """The concepts of the world, best first."""
        return _best_first(one for one in self.concepts if one.name not in FAULTS)

    @property
    def fault(self) -> tuple[Concept, ...]:
        """The parts of the planted fault, best first."""
        return _best_first(one for one in self.concepts if one.name in FAULTS)

    @property
    def found(self) -> str:
        """How many of the world's concepts have a feature, e.g. ``3 of 28``."""
        return f"{sum(one.name not in self.missing for one in self.world)} of {len(self.world)}"


@dataclass(frozen=True)
class Shown:
    """A run that has something to be looked at."""

    record: Record
    found: str
    """Concepts found, e.g. ``3 of 28``; empty where the exhibit is damaged."""


def exhibit(store: Store, run_id: str) -> Exhibit | None:
    """Read what a run shows; None if it shows nothing.

    Raises:
        DamagedRecord: the file is no JSON, or lacks what a page needs; the text is one sentence.
    """
    try:
        data = store.exhibit(run_id)
        return _parsed(data) if data and "trace" not in data else None
    except DamagedRecord as error:
        raise DamagedRecord(_lost(run_id, error.__cause__ or error)) from error
    except Mismatch as error:
        raise DamagedRecord(_lost(run_id, error)) from error


def shown(store: Store, records: Iterable[Record]) -> tuple[Shown, ...]:
    """The finished report runs that have an exhibit, whole or damaged."""
    found: list[Shown] = []
    for record in records:
        if (record.phase, record.status) != ("report", "ok"):
            continue  # an exhibit may be left over from an earlier run of the same id
        try:
            one = exhibit(store, record.run_id)
        except DamagedRecord:
            found.append(Shown(record, ""))
            continue
        if one is not None:
            found.append(Shown(record, one.found))
    return tuple(found)


def heat(value: float, most: float) -> int:
    """Strength of the background behind a word, from 0 (off) to ``LEVELS``.

    >>> heat(0.0, 2.0), heat(0.01, 2.0), heat(2.0, 2.0), heat(float("nan"), 2.0)
    (0, 1, 8, 0)
    """
    share = value / most if most > 0 else 0.0
    return min(LEVELS, math.ceil(share * LEVELS)) if math.isfinite(share) and share > 0 else 0


def _parsed(data: Mapping[str, Any]) -> Exhibit:
    """Build an exhibit; fields that no page shows are left out, since methods may add their own."""
    features = data.get("features")
    if not isinstance(features, list):
        raise Mismatch("it lists no features")
    kept = [_kept(one) for one in features]
    known = {f.name: data[f.name] for f in fields(Exhibit) if f.name in data}
    return build(Exhibit, {"measures": [], **known, "features": kept})


def _kept(one: Any) -> Any:
    if not isinstance(one, Mapping):
        return one  # the check of the fields names what is wrong
    given = {f.name: one[f.name] for f in fields(Sheet) if one.get(f.name) is not None}
    return {**_OPTIONAL, **given}


def _lost(run_id: str, error: BaseException) -> str:
    return f"exhibits/{run_id}.json cannot be shown ({error}); remove it and run again"


def _best_first(concepts: Iterable[Concept]) -> tuple[Concept, ...]:
    return tuple(sorted(concepts, key=lambda one: (-one.f1, one.name)))
