"""The frontier of robust forgetting: what is kept against what is forgotten for good, in one drawing."""

import math
from collections.abc import Sequence

from assay.core import Kind
from assay.report.charts import HALO, KINDS, SHAPES, Point, Spec, chart, coloured, layer, says, tooltip
from assay.report.evidence import ALL, TWIN, Evidence
from assay.report.figure import Figure
from assay.report.numbers import amount, count
from assay.report.price import frontier, run_price
from assay.report.visible import visible
from assay.results.rows import Row

LEFT = "left"
KEPT = {
    "kept": ("Everything else", "kept of everything else"),
    "kept_neighbour": ("Neighbours of the book", "kept of the book’s neighbours"),
}
"""Metric drawn to the right -> title of the drawing, title of its axis."""
REFERENCES: tuple[Kind, ...] = ("floor", "ceiling")
INTRO = (
    "To the right: the share that is kept. Upwards: what is forgotten for good, which is 1 minus what is "
    "left of the book after the recovery that brings most of it back. The best corner is at the top right."
)
NEAR = 0.05
"""Share of both axes within which two marks would lie on one another."""
Pair = tuple[Row, Row]
"""An entry's rows of what is kept and of what is left."""


def frontier_figures(evidence: Evidence, job: str) -> list[Figure]:
    """What is kept against what is forgotten for good, for jobs that measure both."""
    figures: list[Figure] = []
    for kept, (title, x_title) in KEPT.items():
        pairs = _pairs(evidence, job, kept)
        if len(pairs) < 2:
            continue
        first = {} if figures else {
            "heading": "Robust forgetting", "anchor": "frontier", "intro": INTRO, "legend": "all kinds",
        }  # fmt: skip
        figures.append(_figure(evidence, pairs, kept, (title, x_title), first))
    return figures


def frontier_chart(points: Sequence[Point], x_title: str, alt: str) -> Spec:
    """Draw what is kept to the right and what is left downwards, so that forgetting goes upwards.

    A point holds: method, kind, access, kept, kept_low, kept_high, kept_says, left, left_low, left_high,
    left_says, priced, mark (text), best (whether it lies on the line).
    """
    x = _axis("kept", x_title, points, 1.0)
    y = _axis("left", "forgotten for good: 1 − left", points, 0.0)
    # the numbers are those of what is left; only the words at the axis count from the other end
    y["scale"]["reverse"] = True
    y["axis"]["labelExpr"] = "format(1 - datum.value, '.1f')"
    colour, shape = coloured("kind", KINDS), coloured("access", SHAPES)
    numbers = {"kept_says": "Kept", "left_says": "Left", "priced": "Price of a run"}
    seen = tooltip(method="Method", **numbers, access="Access", kind="Kind")
    dot = {"type": "point", "filled": True, "size": 90, "opacity": 0.95}
    text = {"type": "text", "dx": 9, "dy": -7, "align": "left", "fontSize": 13, "fontWeight": "bold"}
    bar = {"type": "rule", "opacity": 0.4, "clip": True}
    low_x, low_y = x | {"field": "kept_low"}, y | {"field": "left_low"}
    line = {"type": "line", "color": "var(--soft)", "strokeWidth": 1.5, "strokeDash": [5, 3]}
    return chart(
        alt,
        _labelled(points, _width(x), _width(y)),
        height=340,
        encoding={"tooltip": seen},
        layer=[
            layer(line, x=x, y=y) | {"transform": [{"filter": {"field": "best", "equal": True}}]},
            layer(bar, x=low_x, x2="kept_high", y=y, color=colour),
            layer(bar, x=x, y=low_y, y2="left_high", color=colour),
            layer(dot, x=x, y=y, color=colour, shape=shape),
            layer({**text, **HALO}, x=x, y=y, text="label"),
            layer(text, x=x, y=y, text="label"),
        ],
    )


def _width(axis: Spec) -> float:
    low, high = axis["scale"]["domain"]
    return high - low


def _labelled(points: Sequence[Point], wide: float, high: float) -> list[Point]:
    """The points with what is printed beside each: marks too near to be told apart stand at the first one."""
    held: list[list[Point]] = []
    for point in points:
        if not point["mark"]:
            continue
        for group in held:
            across, down = (abs(point[field] - group[0][field]) for field in ("kept", "left"))
            if across < NEAR * wide and down < NEAR * high:
                group.append(point)
                break
        else:
            held.append([point])
    labels = {id(group[0]): ", ".join(one["mark"] for one in group) for group in held}
    return [{**point, "label": labels.get(id(point), "")} for point in points]


def _axis(field: str, title: str, points: Sequence[Point], best: float) -> Spec:
    """An axis that holds its best end, every point, and of every bar what lies between 0 and 1."""
    bars = (min(1.0, max(0.0, point[f"{field}_{end}"])) for point in points for end in ("low", "high"))
    held = [best, *bars, *(point[field] for point in points)]
    domain = [math.floor(min(held) * 10) / 10, math.ceil(max(held) * 10) / 10]
    scale: Spec = {"domain": domain, "nice": False, "padding": 8}
    axis: Spec = {"tickCount": 5, "grid": True}
    return {"field": field, "type": "quantitative", "title": title, "scale": scale, "axis": axis}


def _pairs(evidence: Evidence, job: str, kept: str) -> list[Pair]:
    keys = [key for key in evidence.methods(job) if not key.endswith(TWIN)]
    found = [(evidence.rows.get((job, ALL, k, kept)), evidence.rows.get((job, ALL, k, LEFT))) for k in keys]
    return [(x, y) for x, y in found if x and y and x.estimate == x.estimate and y.estimate == y.estimate]


def _figure(
    evidence: Evidence, pairs: Sequence[Pair], kept: str, titles: tuple[str, str], first: dict[str, str]
) -> Figure:
    best = _beyond([pair for pair in pairs if pair[0].kind in ("method", "baseline")])
    beyond = [x for x in _beyond([p for p in pairs if p[0].kind not in REFERENCES]) if x.kind == "placebo"]
    outside = _outside(pairs)
    drawn = [pair for pair in pairs if pair[0] not in outside]
    references = [x for x, _ in drawn if x.kind in REFERENCES]
    marks = {row.method: str(i) for i, row in enumerate(best, 1)}
    for kind in REFERENCES:
        of_kind = [row.method for row in references if row.kind == kind]
        marks |= {key: f"{kind[0]}{i}" for i, key in enumerate(of_kind, 1)}
    named = {row.method: f"({marks.get(row.method, '')}) {evidence.title(row.method)}" for row, _ in pairs}
    parts = {
        "No method or baseline is better at both than these (and what a run costs)": [
            f"{named[row.method]}, {_price(row)}" for row in best
        ],
        "Placebos beyond the line": [evidence.title(row.method) for row in beyond],
        "Grey": [named[row.method] for row in references],
        "Not drawn, for they keep less than the drawing shows": [
            f"{evidence.title(row.method)}, {says(row)}" for row in outside
        ],
    }
    told = [f"{what}: {'; '.join(entries)}." for what, entries in parts.items() if entries]
    return Figure(
        id=f"frontier-{kept}",
        title=titles[0],
        caption=" ".join([*told, _precision(evidence, pairs)]),
        spec=frontier_chart(
            [_point(evidence, pair, marks, best) for pair in drawn],
            titles[1],
            f"Forgotten for good against the share {titles[1]}; {len(drawn)} entries.",
        ),
        **first,
    )


def _outside(pairs: Sequence[Pair]) -> list[Row]:
    """Floors that keep less than any other entry does at the low end of its interval.

    Answers at random keep nothing; drawn, they would press all that matters into a corner.
    """
    lowest = min((x.low for x, _ in pairs if x.kind != "floor"), default=0.0)
    return [x for x, _ in pairs if x.kind == "floor" and x.estimate < lowest]


def _beyond(pairs: Sequence[Pair]) -> list[Row]:
    """Those that no other one is better than at both, from what keeps most to what forgets most."""
    return [pairs[i][0] for i in frontier([(-x.estimate, -y.estimate) for x, y in pairs])]


def _point(evidence: Evidence, pair: Pair, marks: dict[str, str], best: Sequence[Row]) -> Point:
    kept, left = pair
    return {
        "method": visible(evidence.title(kept.method)),
        "kind": kept.kind,
        "access": kept.access,
        **{"kept": kept.estimate, "kept_low": kept.low, "kept_high": kept.high, "kept_says": says(kept)},
        **{"left": left.estimate, "left_low": left.low, "left_high": left.high, "left_says": says(left)},
        "priced": _price(kept),
        "mark": marks.get(kept.method, ""),
        "best": kept in best,
    }


def _price(row: Row) -> str:
    return amount(run_price(row.cost).flops, "FLOP")


def _precision(evidence: Evidence, pairs: Sequence[Pair]) -> str:
    """What the bars are, and how many questions and organisms are behind them."""
    level = evidence.table.meta["level"]
    over = _span([x.clusters for x, _ in pairs], "organism")
    kept, left = (_span([pair[i].n for pair in pairs], "question") for i in (0, 1))
    one = " (of one organism: over its questions)" if min(x.clusters for x, _ in pairs) == 1 else ""
    return f"Bars: {level:.0%} intervals over {over}{one}; n: {kept} on what was kept, {left} on the book."


def _span(numbers: Sequence[int], noun: str) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,} to {count(high, noun)}" if low < high else count(high, noun)
