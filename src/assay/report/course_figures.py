"""Figures of what runs along a size or a depth, with their words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.report.charts import says
from assay.report.course_charts import course_chart, map_chart
from assay.report.evidence import ALL, TWIN, Evidence
from assay.report.figure import Figure
from assay.report.numbers import count, fixed
from assay.report.traces import Traced
from assay.report.visible import visible

_UNSAFE = re.compile(r"[^a-z0-9]+")
"""What does not stand in an anchor."""


def course_figures(evidence: Evidence, job: str, named: Sequence[str]) -> list[Figure]:
    """The courses that the job's panel names, those with two sizes at least; best of each kind in colour."""
    figures: list[Figure] = []
    under = ""
    courses = evidence.table.meta.get("courses", {}).get(job, ())
    headings = [course["heading"] for course in courses]
    for course in sorted(courses, key=lambda course: headings.index(course["heading"])):
        points = _points(evidence, job, course, named)
        if len({point["x"] for point in points}) < 2:
            continue
        shown = [visible(evidence.title(key)) for key in named]
        drawn = [title for title in shown if any(point["method"] == title for point in points)]
        methods = len({point["method"] for point in points})
        alt = f"{course['title']} against {course['x_title']}; {count(methods, 'method')}."
        heading = str(course["heading"])
        first = {} if heading == under else {
            "heading": heading, "anchor": _UNSAFE.sub("-", heading.lower()).strip("-"),
            "intro": f"{course['intro']} In colour: the best of each kind.",
        }  # fmt: skip
        under = heading
        figures.append(
            Figure(
                id=f"course-{course['key']}",
                title=str(course["title"]),
                caption="Thin lines: all others. Bars are intervals over organisms.",
                spec=course_chart(points, drawn, str(course["x_title"]), str(course["title"]), alt),
                **first,
            )
        )
    return figures


def map_figures(evidence: Evidence, job: str) -> list[Figure]:
    """The map of each run that traced where facts are stored."""
    figures: list[Figure] = []
    for one in evidence.traces:
        if one.record.job != job:
            continue
        first = {} if figures else {
            "heading": "Where facts are stored", "anchor": "tracing",
            "intro": "What restoring one part gives back of a fact whose subject was drowned in noise, by "
            "place in the text and layer; below, how well the same facts can be edited at each layer. That a "
            "fact is stored somewhere does not say that it is best changed there.",
        }  # fmt: skip
        figures.append(_map(evidence, one, first))
    return figures


def _map(evidence: Evidence, one: Traced, words: Mapping[str, str]) -> Figure:
    organism = one.record.organism
    row = evidence.rows.get((one.record.job, organism, one.record.method, "trace_agreement"))
    cells = list(one.trace.cells) if one.trace else []
    most = max((cell["effect"] for cell in cells), default=1.0)
    last = "P(new) after an edit here"
    if one.trace:
        cells += [{"row": last, "layer": n, "effect": p} for n, p in enumerate(one.trace.edited, 1)]
    caption = one.lost or f"Full colour: an effect of {fixed(most)} (last row: the same scale)."
    if row and row.estimate == row.estimate:
        caption += f" Agreement of the MLPs' row at the last subject token with the last row: {says(row)}."
    rows = list(dict.fromkeys(str(cell["row"]) for cell in cells))
    alt = f"Effects by place and layer on {organism}; largest {fixed(most)}."
    return Figure(
        id=f"trace-{one.record.run_id.replace('.', '-')}",
        title=organism,
        caption=caption,
        spec=map_chart(cells, rows, most, alt),
        **words,
    )


def _points(
    evidence: Evidence, job: str, course: Mapping[str, Any], named: Sequence[str]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for key in evidence.methods(job):
        if key.endswith(TWIN):
            continue
        for x, metric in course["points"]:
            row = evidence.rows.get((job, ALL, key, metric))
            if row is None or row.estimate != row.estimate:
                continue
            place = {"method": visible(evidence.title(key)), "x": x, "named": key in named}
            found.append({**place, "y": row.estimate, "low": row.low, "high": row.high, "says": says(row)})
    return found
