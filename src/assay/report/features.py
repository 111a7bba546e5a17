"""The feature browser: one page for each run that lists features, with a search box that needs no network."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from assay.core.errors import DamagedRecord
from assay.metrics.enumerate_panel import FOUND
from assay.report import page
from assay.report.evidence import TWIN, Evidence
from assay.report.exhibits import Concept, Exhibit, Sheet, Shown, exhibit
from assay.report.numbers import brief, count
from assay.results.store import Store

BAR, TALL = 10, 60
"""Width and height of a histogram's bars, in units of the drawing."""
COLUMNS = {
    "method": "Methods",
    "baseline": "Plain baselines",
    "placebo": "Placebos",
    "floor": "Floor and ceiling",
    "ceiling": "Floor and ceiling",
}


@dataclass(frozen=True)
class Link:
    """A way to a feature browser."""

    run_id: str
    organism: str
    title: str
    says: str
    """Concepts found, or that the list cannot be shown."""


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram, as drawn from the top left."""

    x: int
    y: float
    height: float


def links(evidence: Evidence, runs: Iterable[Shown], job: str) -> dict[str, list[Link]]:
    """Ways to feature browsers by the title of their kind; within a kind in the order of the job's table."""
    order = {method: i for i, method in enumerate(evidence.methods(job))}
    kinds = list(COLUMNS)
    found: dict[str, list[Link]] = {}
    for run in sorted(
        (run for run in runs if run.record.job == job),
        key=lambda run: (kinds.index(run.record.kind), order.get(_label(run), len(order)), run.record.run_id),
    ):
        link = Link(run.record.run_id, run.record.organism, evidence.title(_label(run)), _says(run))
        found.setdefault(COLUMNS[run.record.kind], []).append(link)
    return found


def rows(evidence: Evidence, job: str) -> list[tuple[str, dict[str, list[Link]]]]:
    """Ways to all feature browsers of a job, organism by organism."""
    organisms = [card.id for card in evidence.cards]
    found = [
        (o, links(evidence, (run for run in evidence.shown if run.record.organism == o), job))
        for o in organisms
    ]
    return [(organism, row) for organism, row in found if row]


def features_page(evidence: Evidence, store: Store, run: Shown) -> str:
    """The page of one run; a damaged exhibit gives a page that says so in one sentence."""
    damage = ""
    listed: Exhibit | None = None
    try:
        listed = exhibit(store, run.record.run_id)
    except DamagedRecord as error:
        damage = str(error)
    blocks = (page.feature_script(),) if listed else ()
    return page.render(
        "features.html",
        root="../",
        created=evidence.created,
        record=run.record,
        label=_label(run),
        title=evidence.title(_label(run)),
        damage=damage or ("" if listed else "its exhibit is gone"),
        listed=listed,
        found=_sentences(listed) if listed else (),
        limit=FOUND,
        shown={sheet.place for sheet in listed.features} if listed else set[int](),
        cards=[_card(sheet) for sheet in listed.features] if listed else (),
        scripts=blocks,
        hashes=page.script_hashes(blocks) or "'none'",
    )


def _label(run: Shown) -> str:
    return run.record.method + (TWIN if run.record.twin else "")


def _says(run: Shown) -> str:
    return run.found or "cannot be shown"


def _sentences(listed: Exhibit) -> tuple[str, ...]:
    """What has a feature and what is missing: of the world's concepts, and of the fault."""
    total = len(listed.world)
    absent = [one.name for one in listed.world if one.name in listed.missing]
    have = "has" if total - len(absent) == 1 else "have"
    first = f"{listed.found} {'concept' if total == 1 else 'concepts'} {have} a feature with F1 > {FOUND}"
    missing = f"; missing: {', '.join(absent)}." if absent else "."
    return (first + missing, *(_of_fault(one, listed) for one in listed.fault))


def _of_fault(one: Concept, listed: Exhibit) -> str:
    has = "has none" if one.name in listed.missing else "has such a feature"
    return f"{one.name.capitalize()} {has} (F1 {one.f1:.3f} over {count(one.n, 'report case')})."


def _card(sheet: Sheet) -> dict[str, Any]:
    """A feature as its card shows it."""
    total, highest = sum(sheet.histogram), max(sheet.histogram, default=0.0)
    return {
        "sheet": sheet,
        "bars": _bars(sheet.histogram, highest),
        "width": BAR * len(sheet.histogram),
        "told": _told(sheet, total, highest) if total else "",
    }


def _bars(counts: tuple[float, ...], highest: float) -> list[Bar]:
    """Bars for the counts that are not zero; a small one stays visible."""
    heights = [max(2.0, round(TALL * n / highest, 1)) if n > 0 else 0.0 for n in counts]
    return [Bar(BAR * i, round(TALL - height, 1), height) for i, height in enumerate(heights) if height]


def _told(sheet: Sheet, total: float, highest: float) -> str:
    """The histogram in words, for readers who cannot see it."""
    tallest = sheet.histogram.index(highest)
    low, high = sheet.edges[tallest], sheet.edges[tallest + 1]
    return (
        f"Histogram of {total:,.0f} activations from {brief(sheet.edges[0])} to {brief(sheet.edges[-1])}; "
        f"most of them, {highest:,.0f}, between {brief(low)} and {brief(high)}."
    )
