"""Makes the table of a run folder: every number with its interval and price, and every comparison.

The table is a function of the stored records alone: same records, same numbers.
"""

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from assay.core import SCHEMA, Kind, Record
from assay.core.errors import BadOption
from assay.metrics.bootstrap import LEVEL, POWER, Interval, pooled, within
from assay.metrics.spec import MetricSpec, Panel
from assay.results.break_even import break_even
from assay.results.catalogue import Listing, catalogue
from assay.results.cells import TWIN, Cell, Cells, evaluate
from assay.results.compare import comparisons
from assay.results.questions import replies
from assay.results.rows import BreakEven, Comparison, Reply, Row, Table
from assay.results.store import Store

RESAMPLES = 1000
_KINDS = get_args(Kind)


def table(
    source: Store | Path | str, *, panels: Mapping[str, Panel] | None = None, resamples: int = RESAMPLES
) -> Table:
    """Score all finished report runs of a folder.

    ``panels`` gives the metrics by job; without it the metrics of job ``x`` are ``PANEL`` in
    ``assay.metrics.x_panel``. Organisms whose proof failed are listed in ``Table.invalid`` and never scored.
    Raises ``StoreError`` for a folder that cannot be read, and ``BadOption`` for a job without metrics.
    """
    store = source if isinstance(source, Store) else Store.open(source)
    cards = store.organisms()
    reports = [record for record in store.records() if record.phase == "report"]
    refused = {card.id for card in cards if not card.valid}
    scored = [record for record in reports if record.organism not in refused]
    rows: list[Row] = []
    compared: list[Comparison] = []
    answered: list[Reply] = []
    used: dict[str, Panel] = {}
    paying: dict[str, tuple[BreakEven, ...]] = {}
    for job in sorted({record.job for record in scored}):
        used[job] = panel = _panel(job, panels)
        of_job = [record for record in scored if record.job == job]
        cells = evaluate(store, panel, of_job, resamples)
        listed = catalogue(job)
        rows += _rows(panel, cells, listed)
        organisms = sorted({o for _, o in cells})
        compared += comparisons(panel, cells, listed, organisms)
        answered += replies(panel, cells, organisms)
        if panel.break_even is not None:
            paying[job] = break_even(store, of_job, *panel.break_even)
    return Table(
        rows=tuple(rows),
        comparisons=tuple(compared),
        organisms=tuple(card for card in cards if card.id not in refused),
        invalid=tuple(card for card in cards if card.id in refused),
        replies=tuple(answered),
        break_even=paying,
        meta=_meta(store, used, refused, resamples),
    )


def _panel(job: str, panels: Mapping[str, Panel] | None) -> Panel:
    if panels is not None and job in panels:
        return panels[job]
    try:
        panel = importlib.import_module(f"assay.metrics.{job}_panel").PANEL
    except ModuleNotFoundError as error:
        raise BadOption(f"no metrics for the job '{job}'; write assay/metrics/{job}_panel.py") from error
    if not isinstance(panel, Panel):
        raise BadOption(f"PANEL in assay/metrics/{job}_panel.py must be a Panel")
    return panel


def _meta(store: Store, used: Mapping[str, Panel], refused: set[str], resamples: int) -> dict[str, Any]:
    shown = ("title", "formula", "unit", "better", "needs", "bounds", "drawn_only")
    return {
        "schema": SCHEMA,
        "created": store.created,
        "plan": store.plan,
        "resamples": resamples,
        "level": LEVEL,
        "power": POWER,
        "metrics": {
            job: {spec.key: {name: getattr(spec, name) for name in shown} for spec in panel.specs}
            for job, panel in used.items()
        },
        "break_even": {job: panel.break_even for job, panel in used.items() if panel.break_even},
        "twin": {job: panel.twin for job, panel in used.items()},
        "headline": {job: list(panel.headline) for job, panel in used.items()},
        "courses": {job: [asdict(course) for course in panel.courses] for job, panel in used.items()},
        "invalid": sorted(refused),
        "quarantined": [asdict(damage) for damage in store.damaged()],
    }


def _rows(panel: Panel, cells: Cells, listed: Mapping[str, Listing]) -> list[Row]:
    """All rows of a job: by metric, ``all`` before the organisms, then by kind, the best first."""
    organisms = sorted({organism for _, organism in cells})
    labels = sorted({label for label, _ in cells})
    rows: list[Row] = []
    for spec in panel.specs:
        for scope in ("all", *organisms):
            members = organisms if scope == "all" else [scope]
            block = [
                _row(
                    panel.job, scope, spec, [cells[label, o] for o in members if (label, o) in cells], listed
                )
                for label in labels
                if any((label, o) in cells for o in members)
            ]
            rows += sorted(block, key=_order)
    return rows


def _order(row: Row) -> tuple[int, bool, float, str]:
    missing = math.isnan(row.estimate)
    best_first = 0.0 if missing else row.estimate * (-1 if row.better == "higher" else 1)
    return _KINDS.index(row.kind), missing, best_first, row.method


def _row(job: str, scope: str, spec: MetricSpec, cells: Sequence[Cell], listed: Mapping[str, Listing]) -> Row:
    """One row from the cells of one method: one cell for an organism, several for ``all``."""
    with_value = [cell for cell in cells if spec.key in cell.values]
    runs = [run for cell in cells for run in cell.runs]
    interval = _interval(spec, scope, with_value)
    return Row(
        job=job,
        organism=scope,
        method=cells[0].label,
        kind=cells[0].kind,
        access=runs[0].access,
        metric=spec.key,
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        n=sum(cell.values[spec.key].n for cell in with_value),
        clusters=interval.clusters,
        unit=spec.unit,
        better=spec.better,
        cost={"prepare": _mean_price(runs, "prepare"), "use": _mean_price(runs, "use")},
        status=_status(spec, cells),
        title=_title(cells[0].label, listed),
        note=_note(spec, scope, cells, with_value),
        records=tuple(sorted(run.run_id for run in runs)),
    )


def _interval(spec: MetricSpec, scope: str, cells: Sequence[Cell]) -> Interval:
    if not cells:
        return Interval(math.nan, math.nan, math.nan, math.nan, 0)
    values = [cell.values[spec.key] for cell in cells]
    parts = [within(v.estimate, v.draws, v.clusters, spec.bounds) for v in values]
    return pooled(parts, spec.bounds) if scope == "all" else parts[0]


def _mean_price(runs: Sequence[Record], stage: str) -> dict[str, float]:
    prices = [asdict(run.prepare if stage == "prepare" else run.use) for run in runs]
    return {name: sum(price[name] for price in prices) / len(prices) for name in prices[0]}


def _status(spec: MetricSpec, cells: Sequence[Cell]) -> str:
    """Joint status of the cells, where a run that went well but lacks this metric is not applicable."""
    statuses = {
        "not_applicable" if cell.status == "ok" and spec.key not in cell.values else cell.status
        for cell in cells
    }
    return statuses.pop() if len(statuses) == 1 else "mixed"


def _title(label: str, listed: Mapping[str, Listing]) -> str:
    key = label.removesuffix(TWIN)
    title = listed[key].title if key in listed else key
    return f"{title}, run on the clean twin" if label.endswith(TWIN) else title


def _note(spec: MetricSpec, scope: str, cells: Sequence[Cell], with_value: Sequence[Cell]) -> str:
    reasons = {cell.notes[spec.key] for cell in cells if spec.key in cell.notes}
    reasons |= {run.error.splitlines()[0] for cell in cells for run in cell.runs if run.error}
    notes = sorted(reasons)
    if scope == "all" and len(with_value) == 1:
        notes.insert(0, "one organism: the interval covers its cases, not other organisms")
    elif 0 < len(with_value) < len(cells):
        notes.insert(0, f"mean over {len(with_value)} of {len(cells)} organisms")
    return "; ".join(notes)
