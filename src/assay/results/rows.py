"""The only thing that a report reads: flat rows, comparisons, and the cards of the organisms."""

import csv
import importlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from assay.core import Better, Kind, OrganismCard
from assay.core.errors import BadOption

Rival = Literal["baseline", "placebo"]
Verdict = Literal["wins", "loses", "no winner"]


@dataclass(frozen=True)
class Row:
    """One measured number: a job, an organism (or ``all``), a method and a metric."""

    job: str
    organism: str
    """Id of the organism, or ``all`` for the mean over organisms."""
    method: str
    """Registry key; ``<key>@twin`` is the same method run on the clean twin, which serves as a placebo."""
    kind: Kind
    access: str
    metric: str
    """Key of the metric; its title and formula stand in ``Table.meta["metrics"][job][metric]``."""
    estimate: float
    """NaN where the status is not ``ok``."""
    low: float
    high: float
    n: int
    """Cases behind the estimate."""
    clusters: int
    """Independent units that the interval resamples: groups within one organism, organisms for ``all``."""
    unit: str
    better: Better
    cost: Mapping[str, Mapping[str, float]]
    """``{"prepare": {...}, "use": {...}}``: the fields of ``Price``, mean per run."""
    status: str
    """``ok``, the status of the runs where all failed alike, or ``mixed``."""
    title: str
    """Title of the method."""
    note: str
    """What a reader must know about this number; often empty."""
    records: tuple[str, ...]
    """Ids of the runs behind the number."""


@dataclass(frozen=True)
class Comparison:
    """A method minus its rival, on the same resamples; a positive difference always favours the method."""

    job: str
    organism: str
    method: str
    metric: str
    against: str
    against_kind: Rival
    difference: float
    """Signed so that positive favours the method, whichever way the metric points."""
    low: float
    high: float
    n: int
    clusters: int
    mde: float
    """Smallest true difference that this comparison would detect (two-sided 5%, power 80%)."""
    verdict: Verdict


@dataclass(frozen=True)
class Reply:
    """The answer to one of a job's yes/no questions."""

    job: str
    question: str
    answer: str
    metric: str
    entries: tuple[str, ...]
    """The entries whose mean was compared."""
    mean: float
    """Their mean over organisms."""
    comparison: Comparison
    """That mean against the best rival."""

    @property
    def line(self) -> str:
        """The answer with its numbers, in one line.

        The difference is positive where the entries are ahead, whichever way the metric points.
        """
        c = self.comparison
        units = "1 organism" if c.clusters == 1 else f"{c.clusters} organisms"
        return (
            f"{self.answer}: mean of {len(self.entries)} {self.mean:.3f}, {c.difference:+.3f} "
            f"[{c.low:+.3f}, {c.high:+.3f}] against {c.against} (n {c.n}, {units})"
        )


@dataclass(frozen=True)
class BreakEven:
    """What one entry costs, in operations by formula, means over organisms."""

    method: str
    prepare: float
    """Once, before any use."""
    each: Mapping[str, float]
    """One use, by the way in which it was made."""
    uses: float
    """Uses from which the entry is cheaper than the rival: 0 for at once, infinity for never."""


@dataclass(frozen=True)
class Table:
    """Everything that was measured in a run folder, ready to be printed."""

    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    organisms: tuple[OrganismCard, ...]
    """Cards of the organisms that were scored."""
    invalid: tuple[OrganismCard, ...] = ()
    """Cards of the organisms whose fault did not take; listed, never scored."""
    replies: tuple[Reply, ...] = ()
    """Answers to the yes/no questions of the jobs."""
    break_even: Mapping[str, tuple[BreakEven, ...]] = field(default_factory=lambda: {})
    """Job -> what each entry costs and from how many uses on that pays, where the job has such a question."""
    meta: Mapping[str, Any] = field(default_factory=lambda: {})
    """Metric titles and formulas, resamples, level, schema, plan, quarantined records."""

    def to_json(self) -> list[dict[str, Any]]:
        """List the rows as plain dictionaries that JSON can hold; a missing number is ``None``.

        >>> Table((), (), ()).to_json()
        []
        """
        return [{name: _plain(value) for name, value in asdict(row).items()} for row in self.rows]

    def to_csv(self, path: Path | str) -> None:
        """Write the rows as CSV, one column for each field of a price; a missing number is empty."""
        flat = self._flat()
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(flat[0]) if flat else [], lineterminator="\n")
            writer.writeheader()
            writer.writerows({k: "" if _missing(v) else v for k, v in row.items()} for row in flat)

    def to_parquet(self, path: Path | str) -> None:
        """Write the rows as Parquet; needs the extra ``assay[frame]``."""
        _extra("pyarrow")
        self.frame().to_parquet(path, index=False)

    def frame(self) -> Any:
        """Return the rows as a ``pandas.DataFrame``; needs the extra ``assay[frame]``."""
        return _extra("pandas").DataFrame(self._flat())

    def _flat(self) -> list[dict[str, Any]]:
        """One dictionary of scalars for each row, all with the same keys in the same order."""
        prices = sorted({(s, k) for row in self.rows for s, price in row.cost.items() for k in price})
        flat: list[dict[str, Any]] = []
        for row in self.rows:
            values = asdict(row) | {"records": " ".join(row.records)}
            del values["cost"]
            costs = {f"{s}_{k}": float(row.cost.get(s, {}).get(k, math.nan)) for s, k in prices}
            flat.append(values | costs)
        return flat


def _missing(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _plain(value: Any) -> Any:
    """Turn tuples into lists and non-finite floats into ``None``, all the way down."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return None if _missing(value) else value


def _extra(package: str) -> ModuleType:
    """Import an optional package, or say how to get it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise BadOption(
            f"this needs {package}, which is not installed: pip install 'assay[frame]'"
        ) from error
