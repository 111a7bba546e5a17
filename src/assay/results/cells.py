"""Evaluates every metric of a job for every method on every organism, all on the same resamples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from assay.core import Kind, Record
from assay.core.errors import BadOption, NotApplicable, StoreError
from assay.core.seed import derive
from assay.metrics.bootstrap import group_weights
from assay.metrics.spec import CaseTable, MetricSpec, Panel, case_table
from assay.results.store import Store

TWIN = "@twin"


@dataclass(frozen=True)
class Value:
    """One metric of one method on one organism, with its resamples."""

    estimate: float
    draws: Float[np.ndarray, " resamples"]
    n: int
    clusters: int


@dataclass
class Cell:
    """All runs of one method on one organism, and what they came to."""

    label: str
    """Key of the method, with ``@twin`` for runs on the clean twin."""
    kind: Kind
    organism: str
    runs: tuple[Record, ...]
    status: str
    values: dict[str, Value] = field(default_factory=lambda: {})
    notes: dict[str, str] = field(default_factory=lambda: {})
    """Metric -> why it has no value."""


Cells = Mapping[tuple[str, str], Cell]
"""(label, organism) -> cell."""


def label_of(record: Record) -> str:
    """Name under which a record's runs are shown.

    A method that sees only the clean twin cannot see the fault: it is its own placebo.
    """
    return record.method + (TWIN if record.twin else "")


def evaluate(store: Store, panel: Panel, records: Iterable[Record], resamples: int) -> Cells:
    """Evaluate the metrics of one job; several runs of a method on an organism are averaged."""
    cells = _cells(records)
    organisms = sorted({organism for _, organism in cells})
    blank = {organism: case_table(store.cases(organism)) for organism in organisms}
    tables = {
        label: _tables(store, panel, {o: c for (name, o), c in cells.items() if name == label}, blank)
        for label in sorted({label for label, _ in cells})
    }
    for organism in organisms:
        pools = (*blank[organism].pools, _documents(of[organism] for of in tables.values() if organism in of))
        drawn = group_weights(pools, resamples, derive("bootstrap", panel.job, organism))
        # the first column counts every group once: its value is the estimate itself
        weights = np.concatenate([np.ones((sum(pools), 1)), drawn], axis=1)
        for cell in (c for (_, o), c in cells.items() if o == organism and c.status == "ok"):
            for spec in panel.specs:
                _measure(cell, spec, tables[cell.label][organism], weights)
    return cells


def _documents(runs: Iterable[Sequence[CaseTable]]) -> int:
    """Number of documents that the arrays of some run speak of; the job gives all runs the same ones."""
    names = (
        (table, name) for tables in runs for table in tables for name in table.arrays
        if name.startswith("document_")
    )  # fmt: skip
    return next((len(table.arrays[name]) for table, name in names), 0)


def _cells(records: Iterable[Record]) -> dict[tuple[str, str], Cell]:
    grouped: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(records, key=lambda r: r.run_id):
        grouped.setdefault((label_of(record), record.organism), []).append(record)
    return {
        key: Cell(
            key[0], "placebo" if runs[0].twin else runs[0].kind, key[1], tuple(runs), joint_status(runs)
        )
        for key, runs in sorted(grouped.items())
    }


def joint_status(runs: Sequence[Record]) -> str:
    """The status that all runs share, or ``mixed``.

    >>> joint_status([])
    'mixed'
    """
    statuses = {run.status for run in runs}
    return statuses.pop() if len(statuses) == 1 else "mixed"


def _tables(
    store: Store, panel: Panel, cells: Mapping[str, Cell], blank: Mapping[str, CaseTable]
) -> dict[str, list[CaseTable]]:
    """Attach each run's arrays to the cases; what needs several organisms pairs the runs in their order."""
    loaded: dict[str, list[CaseTable]] = {}
    for organism, cell in cells.items():
        if cell.status != "ok":
            continue
        try:
            loaded[organism] = [blank[organism].with_arrays(store.arrays(r.run_id)) for r in cell.runs]
        except (BadOption, StoreError) as error:
            cell.status = "failed"
            cell.notes.update({spec.key: str(error) for spec in panel.specs})
    done: dict[str, list[CaseTable]] = {organism: [] for organism in loaded}
    for i in range(max(map(len, loaded.values()), default=0)):
        completed = panel.complete({o: runs[min(i, len(runs) - 1)] for o, runs in loaded.items()})
        for organism, runs in loaded.items():
            if i < len(runs):
                done[organism].append(completed[organism])
    return done


def _measure(
    cell: Cell, spec: MetricSpec, runs: Sequence[CaseTable], weights: Float[np.ndarray, "groups columns"]
) -> None:
    """Put the value of one metric into a cell, or the reason why there is none."""
    absent = sorted({name for run in runs for name in spec.needs if name not in run.arrays})
    if absent:
        cell.notes[spec.key] = f"needs {', '.join(absent)}, which no run has stored or which cannot be stated"
        return
    try:
        columns = np.mean([spec.values(run, weights) for run in runs], axis=0)
    except NotApplicable as error:
        cell.notes[spec.key] = str(error)
        return
    if not np.isfinite(columns[1:]).any():
        cell.notes[spec.key] = "no resample has a value; there are too few cases of some class"
        return
    sample = spec.counted(runs[0])
    cell.values[spec.key] = Value(float(columns[0]), columns[1:], sample.n, sample.clusters)
