"""Everything that the pages are made from, read once from a run folder."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from assay.core import Case, OrganismCard, Record
from assay.core.errors import BadOption, StoreError
from assay.metrics.roc_curve import RocCurve, mean_curve, roc_curve
from assay.report.exhibits import Shown, shown
from assay.report.facts import Facts, JobFacts, distinct, job_facts, method_facts, recovery_facts
from assay.report.numbers import moment
from assay.report.price import Spent, WatchPrice, watch_price
from assay.report.traces import Traced, traced
from assay.results.rows import Comparison, Rival, Row, Table
from assay.results.store import Store
from assay.results.table import table as make_table

ALL = "all"
TWIN = "@twin"
CURVE_SCORES = "report_before"
"""Array that ROC curves are drawn from: the same scores as the metric ``auroc``."""


@dataclass(frozen=True)
class Measure:
    """A metric as the report prints it."""

    key: str
    title: str
    formula: str
    unit: str
    better: str
    low: float
    """Lower end of the scale that intervals are drawn on."""
    high: float

    @property
    def digits(self) -> int:
        """Digits after the point: none where the metric counts in hundreds."""
        return 3 if self.high - self.low <= 100 else 0


@dataclass(frozen=True)
class Evidence:
    """The stored results of one run folder."""

    folder: Path
    created: str
    plan: Mapping[str, Any]
    table: Table
    records: tuple[Record, ...] = ()
    jobs: Mapping[str, JobFacts] = field(default_factory=lambda: {})
    facts: Mapping[str, Facts] = field(default_factory=lambda: {})
    recoveries: Mapping[str, Facts] = field(default_factory=lambda: {})
    cases: Mapping[str, tuple[Case, ...]] = field(default_factory=lambda: {})
    curves: Mapping[tuple[str, str, str], RocCurve] = field(default_factory=lambda: {})
    """(job, organism or ``all``, method) -> curve."""
    prices: Mapping[tuple[str, str], WatchPrice] = field(default_factory=lambda: {})
    """(job, method) -> price over all organisms."""
    rows: Mapping[tuple[str, str, str, str], Row] = field(default_factory=lambda: {})
    """(job, organism, method, metric) -> row of the table."""
    order: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {})
    """Job -> keys of its methods, in the order of the table."""
    measured: frozenset[tuple[str, str]] = frozenset()
    """(job, metric) that some run has a number for."""
    compared: Mapping[tuple[str, str, str, str, str], Comparison] = field(default_factory=lambda: {})
    """(job, organism, method, metric, kind of rival) -> comparison of the table."""
    shown: tuple[Shown, ...] = ()
    """Runs that list features to be looked at."""
    traces: tuple[Traced, ...] = ()
    """Runs that traced where facts are stored."""

    def title(self, method: str) -> str:
        """Printed name of a method."""
        key = method.removesuffix(TWIN)
        return (self.facts_of(key).title or key) + (
            ", run on the clean twin" if method.endswith(TWIN) else ""
        )

    def facts_of(self, method: str) -> Facts:
        """What is known about a method; empty for one that nobody has described."""
        return self.facts.get(method, Facts())

    def methods(self, job: str) -> tuple[str, ...]:
        """Keys of the methods of a job, in the order of the table: by kind, the best first."""
        return self.order.get(job, ())

    def measures(self, job: str) -> tuple[Measure, ...]:
        """The metrics of a job that tables show, the most important first.

        Left out are those that are only drawn, and those of the minor ones that no run has a number for.
        """
        known = self.table.meta.get("metrics", {}).get(job, {})
        major = {*list(known)[:1], *self.table.meta.get("headline", {}).get(job, ())}
        return tuple(
            Measure(key, m["title"], m["formula"], m["unit"], m["better"], *m["bounds"])
            for key, m in known.items()
            if not m.get("drawn_only", False) and (key in major or (job, key) in self.measured)
        )

    def watches(self, job: str) -> bool:
        """Whether the job scores transcripts as they come, so that it has ROC curves and a price for each."""
        return _watches(self.table, job)

    def comparison(self, row: Row, against: Rival) -> Comparison | None:
        """The comparison of a row with its best rival of one kind."""
        return self.compared.get((row.job, row.organism, row.method, row.metric, against))

    @property
    def cards(self) -> tuple[OrganismCard, ...]:
        """Cards of all organisms, scored or not."""
        return (*self.table.organisms, *self.table.invalid)


def gather(run_dir: Path, table: Table | None = None) -> Evidence:
    """Read a run folder; a ``table`` already made from it saves the time to make it again.

    Raises:
        StoreError: if the folder is no run folder, was written under another schema or is damaged.
    """
    store = Store.open(run_dir)
    table = table or make_table(store)
    plan: Mapping[str, Any] = store.plan if isinstance(store.plan, Mapping) else {}
    jobs = tuple(dict.fromkeys(row.job for row in table.rows))
    records = store.records()
    cases = {card.id: _cases(store, card.id) for card in (*table.organisms, *table.invalid)}
    curves, prices = _runs(store, table, records, cases)
    return Evidence(
        folder=run_dir,
        created=moment(store.created),
        plan=plan,
        table=table,
        records=records,
        jobs={job: job_facts(plan, job) for job in jobs},
        facts=distinct({key: said for job in jobs for key, said in method_facts(plan, job).items()}),
        recoveries=recovery_facts(plan),
        cases=cases,
        curves=curves,
        prices=prices,
        rows={(r.job, r.organism, r.method, r.metric): r for r in table.rows},
        order=_order(table),
        measured=frozenset((r.job, r.metric) for r in table.rows if r.estimate == r.estimate),
        compared={(c.job, c.organism, c.method, c.metric, c.against_kind): c for c in table.comparisons},
        shown=shown(store, records),
        traces=traced(store, (r for r in records if r.organism in {card.id for card in table.organisms})),
    )


def _order(table: Table) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for row in table.rows:
        found.setdefault(row.job, {}).setdefault(row.method)
    return {job: tuple(methods) for job, methods in found.items()}


def _watches(table: Table, job: str) -> bool:
    known = table.meta.get("metrics", {}).get(job, {})
    return any(CURVE_SCORES in metric.get("needs", ()) for metric in known.values())


def _cases(store: Store, organism: str) -> tuple[Case, ...]:
    """The cases of an organism; none for a card changed by hand whose id cannot be a file's name."""
    try:
        return store.cases(organism)
    except BadOption:
        return ()


def _runs(
    store: Store, table: Table, records: Iterable[Record], cases: Mapping[str, tuple[Case, ...]]
) -> tuple[dict[tuple[str, str, str], RocCurve], dict[tuple[str, str], WatchPrice]]:
    """Read the arrays of every watching run once, for its curve and the number of transcripts it scored."""
    scored = {card.id for card in table.organisms}
    curves: dict[tuple[str, str, str], RocCurve] = {}
    spent: dict[tuple[str, str], list[Spent]] = {}
    for record in records:
        if record.phase != "report" or record.status != "ok" or record.organism not in scored or record.twin:
            continue
        if not _watches(table, record.job):
            continue  # its arrays hold no scores of transcripts, whatever they are called
        try:
            arrays = store.arrays(record.run_id)
        except StoreError:  # the table lists such a run as failed
            continue
        counted = sum(a.size for name, a in arrays.items() if name.startswith(("report_", "threshold_")))
        spent.setdefault((record.job, record.method), []).append(Spent(record.prepare, record.use, counted))
        labels = np.array([c.defects for c in cases[record.organism] if c.split == "report"], dtype=bool)
        if CURVE_SCORES in arrays:
            try:
                curve = roc_curve(arrays[CURVE_SCORES], labels)
            except BadOption:  # one class only, or scores that do not fit: the table's note says so
                continue
            curves[record.job, record.organism, record.method] = curve
    priced = {key: watch_price(runs) for key, runs in spent.items()}
    return _with_means(curves), {key: price for key, price in priced.items() if price}


def _with_means(curves: Mapping[tuple[str, str, str], RocCurve]) -> dict[tuple[str, str, str], RocCurve]:
    """Add the mean over organisms of each method."""
    groups: dict[tuple[str, str], list[RocCurve]] = {}
    for (job, _, method), curve in curves.items():
        groups.setdefault((job, method), []).append(curve)
    means = {(job, ALL, method): mean_curve(group) for (job, method), group in groups.items()}
    return {**curves, **means}
