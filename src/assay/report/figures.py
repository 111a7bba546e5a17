"""Chooses which charts stand on a page, and writes the words around them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from assay.core import Kind
from assay.metrics.roc_curve import RocCurve
from assay.report import charts
from assay.report.course_figures import course_figures, map_figures
from assay.report.evidence import ALL, Evidence, Measure
from assay.report.figure import Figure
from assay.report.frontier import frontier_figures
from assay.report.numbers import amount, count, duration, fixed
from assay.report.price import RunPrice, WatchPrice, frontier, run_price
from assay.report.verdict import JobVerdict
from assay.report.view import compared
from assay.report.visible import visible
from assay.results.rows import Row

CORNER = 0.05
"""Rates of false alarms that the second ROC chart enlarges."""


@dataclass(frozen=True)
class Axis:
    """One way to look at a price."""

    id: str
    title: str
    x_title: str
    field: Literal["thousand_flops", "thousand_s", "flops", "seconds"]
    """Field of the price: of a ``WatchPrice`` or of a ``RunPrice``."""
    unit: Literal["FLOP", "s"]


WATCH_AXES = (
    Axis(
        "p-flops", "Operations per 1,000 transcripts", "FLOP, preparation included", "thousand_flops", "FLOP"
    ),
    Axis(
        "p-seconds", "Seconds per 1,000 transcripts", "wall-clock s, preparation included", "thousand_s", "s"
    ),
    Axis("p-use", "Operations per transcript", "FLOP, preparation left out", "flops", "FLOP"),
)
RUN_AXES = (
    Axis("p-flops", "Operations per run", "FLOP, preparation included", "flops", "FLOP"),
    Axis("p-seconds", "Seconds per run", "wall-clock s, preparation included", "seconds", "s"),
)


def job_figures(evidence: Evidence, job: str, judged: JobVerdict) -> tuple[Figure, ...]:
    """The charts of one job on the front page."""
    if judged.measure is None:
        return ()
    return (
        *_forests(evidence, job, judged.measure),
        *frontier_figures(evidence, job),
        *_prices(evidence, job, judged.measure),
        *_rocs(evidence, job, judged),
        *course_figures(evidence, job, leaders(evidence, job, judged.measure)),
        *map_figures(evidence, job),
    )


def organism_roc(
    evidence: Evidence, job: str, organism: str, named: Iterable[str]
) -> tuple[Mapping[str, Any], str] | None:
    """The ROC chart of one organism with its caption, or None if there is no curve."""
    found = _curves(evidence, job, organism)
    if not found:
        return None
    alt = f"ROC curves of {count(len(found), 'method')} on {organism}; their areas stand in the table."
    return charts.roc_chart(found, _titles(evidence, named), 1.0, alt), _roc_caption(found)


def leaders(evidence: Evidence, job: str, measure: Measure) -> tuple[str, ...]:
    """The best method, baseline and placebo over all organisms, and the ceiling."""
    kinds: tuple[Kind, ...] = ("method", "baseline", "placebo", "ceiling")
    best: dict[Kind, str] = {}
    for row in _rows(evidence, job, measure):
        best.setdefault(row.kind, row.method)
    return tuple(best[kind] for kind in kinds if kind in best)


def _forests(evidence: Evidence, job: str, measure: Measure) -> list[Figure]:
    intro = (
        f"{measure.title} of each method minus its best rival, on the same resamples. "
        "An interval that crosses zero is no win."
    )
    figures: list[Figure] = []
    sides: tuple[Literal["baseline", "placebo"], ...] = ("baseline", "placebo")
    for against in sides:
        found = compared(evidence, job, measure, against)
        if not found:
            continue
        titles = {key: evidence.title(key) for c in found for key in (c.method, c.against)}
        wins = sum(c.verdict == "wins" for c in found)
        plain = "plain baseline" if against == "baseline" else "placebo"
        won = f"{wins} of {count(len(found), 'method')}"
        figures.append(
            Figure(
                id=f"forest-{against}",
                title=f"Against the best {plain}",
                caption=f"Ahead of the best {plain}: {won}.",
                spec=charts.forest(found, titles, f"{measure.title} minus the best {plain}: ahead {won}."),
                heading="" if figures else "Differences",
                anchor="differences",
                intro=intro,
                legend="verdicts",
            )
        )
    return figures


def _prices(evidence: Evidence, job: str, measure: Measure) -> list[Figure]:
    """Floor and ceiling are left out: what they cost says nothing about what a tool costs."""
    tools = [r for r in _rows(evidence, job, measure) if r.kind not in ("floor", "ceiling")]
    axes, priced = RUN_AXES, [(r, run_price(r.cost)) for r in tools]
    if evidence.watches(job):
        axes = WATCH_AXES
        priced = [(r, evidence.prices[job, r.method]) for r in tools if (job, r.method) in evidence.prices]
    figures = [figure for axis in axes if (figure := _price(evidence, axis, measure, priced))]
    intro = f"{measure.title} upwards, price to the right on a logarithmic axis."
    first = [replace(f, heading="Effect against price", anchor="prices", intro=intro) for f in figures[:1]]
    return [*first, *figures[1:]]


def _price(
    evidence: Evidence, axis: Axis, measure: Measure, priced: Sequence[tuple[Row, WatchPrice | RunPrice]]
) -> Figure | None:
    costs = [(row, float(getattr(price, axis.field))) for row, price in priced]
    paid = [(row, cost) for row, cost in costs if cost > 0]
    free = [evidence.title(row.method) for row, cost in costs if cost == 0]
    if not paid:
        return None
    rivals = [(row, cost) for row, cost in paid if row.kind != "placebo"]
    best = [rivals[i][0].method for i in frontier([(cost, _goodness(row)) for row, cost in rivals])]
    points = [
        {
            "method": visible(evidence.title(row.method)),
            "kind": row.kind,
            "access": row.access,
            "price": cost,
            "priced": amount(cost, "FLOP") if axis.unit == "FLOP" else duration(cost),
            "estimate": row.estimate,
            "low": row.low,
            "high": row.high,
            "says": charts.says(row),
            "number": str(best.index(row.method) + 1) if row.method in best else "",
        }
        for row, cost in paid
    ]
    numbered = "; ".join(f"({i}) {evidence.title(key)}" for i, key in enumerate(best, 1))
    gratis = f" Not drawn, because they cost nothing here: {', '.join(free)}." if free else ""
    alt = f"{measure.title} against {axis.title.lower()}; {count(len(paid), 'method')}."
    return Figure(
        id=axis.id,
        title=axis.title,
        caption=f"No cheaper tool does better than these: {numbered}.{gratis}",
        spec=charts.price_chart(points, measure, axis.x_title, "~s" if axis.unit == "FLOP" else "~g", alt),
        legend="kinds",
    )


def _goodness(row: Row) -> float:
    return row.estimate if row.better == "higher" else -row.estimate


def _rocs(evidence: Evidence, job: str, judged: JobVerdict) -> list[Figure]:
    found = _curves(evidence, job, ALL)
    if not found or judged.measure is None:
        return []
    named = _titles(evidence, leaders(evidence, job, judged.measure))
    organisms = len({organism for j, organism, _ in evidence.curves if j == job and organism != ALL})
    alt = f"Mean ROC curves of {count(len(found), 'method')}; their areas stand in the table."
    return [
        Figure(
            id="roc-all",
            title=f"Mean over {count(organisms, 'organism')}",
            caption=_roc_caption(found),
            spec=charts.roc_chart(found, named, 1.0, alt),
            heading="ROC",
            anchor="roc",
            intro="Every threshold at once: defections caught against false alarms raised. "
            "Curves of a single organism stand on its page.",
        ),
        Figure(
            id="roc-corner",
            title=f"The corner that matters: at most {CORNER:.0%} false alarms",
            caption="The same curves. A monitor that cries wolf more often than this will be switched off.",
            spec=charts.roc_chart(
                found, named, CORNER, f"{alt} Enlarged: false alarms up to {fixed(CORNER, 2)}."
            ),
        ),
    ]


def _curves(evidence: Evidence, job: str, organism: str) -> dict[str, RocCurve]:
    keys = [k for k in evidence.methods(job) if (job, organism, k) in evidence.curves]
    return {evidence.title(key): evidence.curves[job, organism, key] for key in keys}


def _roc_caption(curves: Mapping[str, RocCurve]) -> str:
    thin = "In colour: the best of each kind over all organisms" if len(curves) > 4 else "In colour"
    return f"{thin}; thin lines: all others; dotted: chance."


def _titles(evidence: Evidence, keys: Iterable[str]) -> list[str]:
    return [evidence.title(key) for key in keys]


def _rows(evidence: Evidence, job: str, measure: Measure) -> list[Row]:
    """Measured rows over all organisms, by kind, the best first; runs on twins left out."""
    rows = [evidence.rows.get((job, ALL, key, measure.key)) for key in evidence.methods(job)]
    return [r for r in rows if r and r.estimate == r.estimate and not r.method.endswith("@twin")]
