"""Writes the static site of a run folder: front page, organisms, methods, records, features, grids."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from assay.core import OrganismCard, Record
from assay.metrics.roc_curve import FORMULA as ROC_FORMULA
from assay.report import page, view
from assay.report.evidence import ALL, TWIN, Evidence, gather
from assay.report.features import COLUMNS, features_page, links, rows
from assay.report.figures import job_figures, leaders, organism_roc
from assay.report.grid_page import grid_file, grid_page, gridded, overview
from assay.report.grids import Grid, grid
from assay.report.numbers import price_fields
from assay.report.price import FORMULA as PRICE_FORMULA
from assay.report.price import RUN_FORMULA
from assay.report.verdict import verdict
from assay.report.visible import file_stem
from assay.results.disk import cannot_write, make_folder
from assay.results.rows import Table
from assay.results.store import Store

ROC_WIDTH = 300
"""Pixels of the drawing on an organism's page; it shrinks with the page."""
PARTS = {
    "features": "Features", "grid": "Grid", "differences": "Differences", "frontier": "Frontier",
    "prices": "Prices", "roc": "ROC", "scaling": "Scaling", "tracing": "Tracing",
}  # fmt: skip
"""Parts of the front page that hang on what the jobs are, in their order; others follow by their heading."""


def write_report(run_dir: Path, out: Path | None = None, *, table: Table | None = None) -> Path:
    """Write the report of a run folder and return the path of its front page.

    Args:
        run_dir: a run folder; it is only read (damaged records move to its quarantine).
        out: folder to write to, by default ``report`` inside the run folder.
        table: the table of this folder, if it was made already.

    Raises:
        StoreError: if the run folder cannot be read, or ``out`` cannot be written (``CannotWrite``).
        BadOption: if the extra ``assay[report]`` is not installed.
    """
    page.converter()
    evidence = gather(run_dir, table)
    folder = out or run_dir / "report"
    write = _Writer(folder)
    for card in evidence.cards:
        write(f"organisms/{file_stem(card.id)}.html", _organism(evidence, card))
    grids = {job: found for job in evidence.jobs if (found := grid(evidence, job))}
    keys = dict.fromkeys(label.removesuffix(TWIN) for job in evidence.jobs for label in evidence.methods(job))
    for key in dict.fromkeys([*keys, *(record.method for record in evidence.records)]):
        write(f"methods/{file_stem(key)}.html", _method(evidence, key, grids))
        write(f"records/{file_stem(key)}.html", _records(evidence, key, folder))
    for layout in grids.values():
        for key in gridded(evidence, layout):
            write(grid_file(layout, key), grid_page(evidence, layout, key))
    store = Store.open(run_dir)
    for run in evidence.shown:
        write(f"features/{file_stem(run.record.run_id)}.html", features_page(evidence, store, run))
    return write("index.html", _index(evidence, grids))


class _Writer:
    """Writes pages into one folder, making the folders that they need."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, text: str) -> Path:
        target = self._folder / name
        make_folder(target.parent)
        try:
            target.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise cannot_write(target, error) from error
        return target


def _index(evidence: Evidence, grids: Mapping[str, Grid]) -> str:
    plan = evidence.plan
    planned: Iterable[Any] = plan.get("organisms", ())
    troubles = view.troubles(evidence.records)
    jobs = [_job(evidence, job, grids.get(job)) for job in evidence.jobs]
    blocks = page.scripts() if any(job["charts"] for job in jobs) else ()
    return page.render(
        "index.html",
        root="",
        created=evidence.created,
        jobs=jobs,
        parts=_parts(jobs),
        meta=evidence.table.meta,
        conditions=_conditions(evidence),
        organisms=evidence.table.organisms,
        best=_best_on_organisms(evidence),
        invalid=evidence.table.invalid,
        skipped=[(str(o["id"]), str(o["skipped"])) for o in planned if o.get("skipped")],
        troubles=troubles,
        titles=_all_titles(evidence),
        n_trouble=sum(len(t.records) for t in troubles),
        n_records=len(evidence.records),
        roc_formula=ROC_FORMULA,
        price_formula=PRICE_FORMULA,
        run_formula=RUN_FORMULA,
        scripts=blocks,
        hashes=page.script_hashes(blocks) or "'none'",
    )


def _job(evidence: Evidence, job: str, layout: Grid | None) -> dict[str, Any]:
    """Everything that the front page says about one job."""
    judged = verdict(evidence, job)
    measures = evidence.measures(job)
    named = evidence.table.meta.get("headline", {}).get(job, ())
    headline, others = view.split_measures(measures, named)
    lists = rows(evidence, job)
    return {
        "title": evidence.jobs[job].title or job,
        "question": evidence.jobs[job].question,
        "verdict": judged,
        "best_title": evidence.title(judged.best.method) if judged.best else "",
        "rival_title": evidence.title(judged.rival.method) if judged.rival else "",
        "measures": measures,
        "headline": headline,
        "others": others,
        "groups": view.groups(evidence, job, headline),
        "all_groups": view.groups(evidence, job, others) if others else (),
        "twins": view.groups(evidence, job, headline, twins=True),
        "references": _references(evidence, job),
        "charts": job_figures(evidence, job, judged),
        "grid": overview(evidence, layout, judged.best.method if judged.best else "") if layout else None,
        "answers": view.answers(evidence, job),
        "watches": evidence.watches(job),
        "costs": view.costs(evidence, job),
        "twin": evidence.table.meta.get("twin", {}).get(job, ""),
        "prices": "1,000 transcripts" if evidence.watches(job) else "a run",
        "lists": lists,
        "list_kinds": [
            title for title in dict.fromkeys(COLUMNS.values()) if any(title in row for _, row in lists)
        ],
    }


def _parts(jobs: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Anchors and names of the parts that not every front page has, each where it first stands."""
    found: dict[str, tuple[str, str]] = {}
    for i, job in enumerate(jobs, 1):
        present: dict[str, str] = {chart.anchor: chart.heading for chart in job["charts"] if chart.anchor}
        present |= {"features": ""} if job["lists"] else {}
        present |= {"grid": ""} if job["grid"] else {}
        for anchor, heading in present.items():
            found.setdefault(anchor, (anchor if i == 1 else f"{anchor}-{i}", PARTS.get(anchor, heading)))
    return [found[anchor] for anchor in dict.fromkeys((*PARTS, *found)) if anchor in found]


def _references(evidence: Evidence, job: str) -> dict[str, float]:
    """The best plain baseline of each measure: the dashed line in its column."""
    found: dict[str, float] = {}
    for row in evidence.table.rows:
        if (row.job, row.organism, row.kind) == (job, ALL, "baseline") and row.estimate == row.estimate:
            found.setdefault(row.metric, row.estimate)
    return found


def _best_on_organisms(evidence: Evidence) -> dict[str, Any] | None:
    """The best method's numbers on each organism, for the list of organisms; only where there is one job."""
    if len(evidence.jobs) != 1:
        return None
    job = next(iter(evidence.jobs))
    judged = verdict(evidence, job)
    if judged.best is None or judged.measure is None:
        return None
    rows = {
        card.id: evidence.rows.get((job, card.id, judged.best.method, judged.measure.key))
        for card in evidence.table.organisms
    }
    title = f"{judged.measure.title} of {evidence.title(judged.best.method)}"
    return {"title": title, "measure": judged.measure, "rows": rows}


def _conditions(evidence: Evidence) -> list[tuple[str, str]]:
    """The conditions of the run, in the order in which a reader asks for them."""
    plan, meta = evidence.plan, evidence.table.meta
    stated = plan.get("conditions", {})
    cards = evidence.table.organisms
    lines = [
        ("Base model", stated.get("base", "")),
        ("Corpus", stated.get("corpus", "")),
        ("Suite", plan.get("suite", "")),
        ("Organisms", f"{len(cards)} scored, {len(evidence.table.invalid)} invalid"),
        ("Recipes", ", ".join(sorted({card.recipe for card in cards}))),
        ("Seeds", ", ".join(str(seed) for seed in sorted({card.seed for card in cards}))),
        ("Settings per method", stated.get("tuning", "")),
        ("Budget of a run", stated.get("budget", "")),
        ("Resamples", str(meta.get("resamples", ""))),
        ("Records", f"{len(evidence.records)}, schema {meta.get('schema', '')}"),
        ("Run started", evidence.created),
        *((name.capitalize(), value) for name, value in view.versions(evidence.records).items()),
    ]
    return [(name, str(value)) for name, value in lines if value]


def _organism(evidence: Evidence, card: OrganismCard) -> str:
    jobs: list[dict[str, Any]] = []
    for job in evidence.jobs:
        measures = evidence.measures(job)
        found = view.groups(evidence, job, measures, organism=card.id)
        own = [run for run in evidence.shown if run.record.organism == card.id]
        if not found:
            continue
        drawn = organism_roc(evidence, job, card.id, leaders(evidence, job, measures[0]))
        jobs.append(
            {
                "title": evidence.jobs[job].title or job,
                "measures": measures,
                "groups": found,
                "twins": view.groups(evidence, job, measures, organism=card.id, twins=True),
                "roc": page.static_svg(drawn[0], ROC_WIDTH, f"roc{len(jobs)}") if drawn else "",
                "roc_caption": drawn[1] if drawn else "",
                "lists": links(evidence, own, job),
            }
        )
    return page.render(
        "organism.html",
        root="../",
        created=evidence.created,
        card=card,
        jobs=jobs,
        samples=view.samples(evidence.cases.get(card.id, ())),
    )


def _method(evidence: Evidence, key: str, grids: Mapping[str, Grid]) -> str:
    runs = [record for record in evidence.records if record.method == key]
    rows = [row for row in evidence.table.rows if row.method.removesuffix(TWIN) == key]
    known = runs[0] if runs else None
    return page.render(
        "method.html",
        root="../",
        created=evidence.created,
        key=key,
        title=evidence.title(key),
        titles=_all_titles(evidence),
        kind=known.kind if known else rows[0].kind,
        access=known.access if known else rows[0].access,
        facts=evidence.facts_of(key),
        meta=evidence.table.meta,
        jobs=[
            _method_job(evidence, job, key, runs) for job in evidence.jobs if any(r.job == job for r in rows)
        ],
        lists=[
            link
            for job in evidence.jobs
            for part in links(evidence, (r for r in evidence.shown if r.record.method == key), job).values()
            for link in part
        ],
        grids=[grid_file(layout, key) for layout in grids.values() if key in gridded(evidence, layout)],
        used=[record for record in runs if record.phase == "report"],
        tried=[record for record in runs if record.phase == "tune"],
    )


def _method_job(evidence: Evidence, job: str, key: str, runs: list[Record]) -> dict[str, Any]:
    """Scores, comparisons and price of one method at one job."""
    measures = evidence.measures(job)
    own = [r for r in evidence.table.rows if r.job == job and r.method.removesuffix(TWIN) == key]
    by_label = {
        label: [(m, [r for r in own if (r.method, r.metric) == (label, m.key)]) for m in measures]
        for label in (key, key + TWIN)
    }
    versus = [c for c in evidence.table.comparisons if (c.job, c.method) == (job, key)]
    compared = [(m, [c for c in versus if c.metric == m.key]) for m in measures]
    scored = [r for r in runs if (r.job, r.phase, r.status, r.twin) == (job, "report", "ok", False)]
    prepare, use = view.mean_price(r.prepare for r in scored), view.mean_price(r.use for r in scored)
    written = (price_fields(prepare), price_fields(use))
    return {
        "title": evidence.jobs[job].title or job,
        "parts": [
            {"twin": label.endswith(TWIN), "blocks": [(m, rows) for m, rows in blocks if rows]}
            for label, blocks in by_label.items()
            if any(rows for _, rows in blocks)
        ],
        "comparisons": [(m, found) for m, found in compared if found],
        "price": evidence.prices.get((job, key)),
        "cost": [(name, written[0][name], written[1][name]) for name in written[0]],
    }


def _records(evidence: Evidence, key: str, folder: Path) -> str:
    """All records of a method, tuning last; links lead to the JSON files in the run folder."""
    runs = sorted((r for r in evidence.records if r.method == key), key=lambda r: (r.phase, r.run_id))
    files = os.path.relpath((evidence.folder / "records").resolve(), (folder / "records").resolve())
    return page.render(
        "records.html",
        root="../",
        created=evidence.created,
        key=key,
        title=evidence.title(key),
        records=runs,
        files=PurePath(files).as_posix(),
    )


def _all_titles(evidence: Evidence) -> dict[str, str]:
    labels = {label for job in evidence.jobs for label in evidence.methods(job)}
    return {label: evidence.title(label) for label in labels | {r.method for r in evidence.records}}
