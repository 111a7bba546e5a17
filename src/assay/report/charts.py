"""Vega-Lite specifications of the charts. They place numbers that other modules have made; none is made here.

Colours are names of CSS variables, so that one drawing serves light and dark pages.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from assay.metrics.roc_curve import RocCurve, thinned
from assay.report.evidence import Measure
from assay.report.numbers import fixed, signed
from assay.report.visible import visible
from assay.results.rows import Comparison, Row

Spec = dict[str, Any]
Point = Mapping[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
VERDICTS = {"wins": "var(--wins)", "no winner": "var(--none)", "loses": "var(--loses)"}
KINDS = {kind: f"var(--{kind})" for kind in ("method", "baseline", "placebo", "floor", "ceiling")}
SHAPES = {"black": "circle", "grey": "diamond", "white": "triangle-up"}
HALO: Spec = {"stroke": "var(--card)", "strokeWidth": 4, "strokeJoin": "round"}
"""Drawn under a text to keep lines away from its letters."""
LINES = ("var(--method)", "var(--baseline)", "var(--placebo)", "var(--ceiling)")
DASHES = ([1, 0], [6, 3], [2, 2], [1, 3])
_CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": "var(--ink)",
        "titleColor": "var(--soft)",
        "labelFontSize": 12,
        "orient": "bottom",
        "direction": "vertical",
        "labelLimit": 260,
    },
    "text": {"color": "var(--ink)", "fontSize": 11.5},
    "rule": {"color": "var(--soft)"},
}


def forest(compared: Sequence[Comparison], titles: Mapping[str, str], alt: str) -> Spec:
    """Draw differences with intervals, best first; the band is what the run could not have detected."""
    points = [
        {
            "method": visible(titles[c.method]),
            "difference": c.difference,
            "low": c.low,
            "high": c.high,
            "mde": c.mde,
            "undetected": -c.mde,
            "verdict": c.verdict,
            "says": f"{signed(c.difference)} [{signed(c.low)}, {signed(c.high)}]",
            "rival": visible(titles[c.against]),
        }
        for c in sorted(compared, key=lambda c: -c.difference)
    ]
    # names stand above their intervals, so that none is cut short on a phone
    y: Spec = {"field": "method", "type": "nominal", "sort": None, "axis": None}
    seen = tooltip(method="Method", says="Difference", rival="Against", mde="Detectable from")
    colour = coloured("verdict", VERDICTS)
    band = {"type": "bar", "color": "var(--band)", "height": 12, "yOffset": 8}
    point = {"type": "point", "filled": True, "size": 70, "opacity": 1, "yOffset": 8}
    bare: Spec = {"axis": {"tickCount": 5, "grid": False}}
    name = {"type": "text", "align": "left", "dy": -8, "fontSize": 12.5}
    return chart(
        alt,
        points,
        height={"step": 40},
        encoding={"y": y, "tooltip": seen},
        layer=[
            layer(band, x=quantity("undetected", "difference; right: the method is better") | bare, x2="mde"),
            {"mark": {"type": "rule", "color": "var(--soft)"}, "encoding": {"x": {"datum": 0}, "y": {}}},
            layer(
                {"type": "rule", "strokeWidth": 2, "yOffset": 8}, x=quantity("low"), x2="high", color=colour
            ),
            layer(point, x=quantity("difference"), color=colour),
            layer({**name, **HALO}, x={"value": 0}, text="method"),
            layer(name, x={"value": 0}, text="method"),
        ],
    )


def price_chart(points: Sequence[Point], measure: Measure, x_title: str, x_format: str, alt: str) -> Spec:
    """Draw effect against price on a logarithmic axis; numbered are the points that no cheaper one beats.

    A point holds: method, kind, access, price, priced (text), estimate, low, high, says, number (text).
    """
    x = {
        "field": "price",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False, "padding": 18},
        "title": x_title,
        "axis": {"format": x_format, "tickCount": 4, "labelOverlap": True, "grid": False},
    }
    lowest = min((math.floor(point["low"] * 10) / 10 for point in points), default=measure.low)
    domain = [max(measure.low, lowest), measure.high]
    y = quantity("estimate", measure.title) | {"scale": {"domain": domain}}
    seen = tooltip(method="Method", says=measure.title, priced="Price", access="Access", kind="Kind")
    colour, shape = coloured("kind", KINDS), coloured("access", SHAPES)
    dot = {"type": "point", "filled": True, "size": 90, "opacity": 0.95}
    number = {"type": "text", "dx": 10, "align": "left", "fontSize": 13, "fontWeight": "bold"}
    return chart(
        alt,
        list(points),
        height=280,
        encoding={"x": x, "tooltip": seen},
        layer=[
            layer({"type": "rule", "opacity": 0.45}, y=y, y2="high", color=colour)
            | {"transform": [{"calculate": "datum.low", "as": "estimate"}]},
            layer(dot, y=y, color=colour, shape=shape),
            layer({**number, **HALO}, y=y, text="number"),
            layer(number, y=y, text="number"),
        ],
    )


def roc_chart(curves: Mapping[str, RocCurve], named: Sequence[str], reach: float, alt: str) -> Spec:
    """Draw ROC curves by title; the named ones in colour with a legend, the rest thin and grey.

    ``reach`` is the largest rate of false alarms shown.
    """
    points = [
        {"method": visible(title), "x": x, "y": y, "i": i, "named": title in named}
        for title, curve in curves.items()
        for i, (x, y) in enumerate(_within(thinned(curve), reach))
    ]
    shown = [visible(title) for title in named if title in curves]
    colour = {
        "field": "method",
        "type": "nominal",
        "scale": {"domain": shown, "range": list(LINES[: len(shown)])},
        "legend": {"title": None, "symbolType": "stroke", "symbolStrokeWidth": 3, "columns": 1},
    }
    dash = {
        "field": "method",
        "scale": {"domain": shown, "range": list(DASHES[: len(shown)])},
        "legend": None,
    }
    x = quantity("x", "false alarms (share of harmless cases)") | {"scale": {"domain": [0, reach]}}
    y = quantity("y", "caught (share of defections)") | {"scale": {"domain": [0, 1]}}
    line: Spec = {"type": "line", "clip": True, "interpolate": "linear"}
    common = {"x": x, "y": y, "order": {"field": "i"}, "tooltip": tooltip(method="Method")}
    chance = [{"x": 0.0, "y": 0.0}, {"x": reach, "y": reach}]
    grey = common | {"detail": {"field": "method"}}
    return chart(
        alt,
        points,
        height=320,
        layer=[
            {
                "data": {"values": chance},
                "mark": {"type": "line", "clip": True, "strokeDash": [2, 4], "color": "var(--soft)"},
                "encoding": {"x": x, "y": y},
            },
            {
                "transform": [{"filter": {"field": "named", "equal": False}}],
                "mark": {**line, "color": "var(--soft)", "strokeWidth": 1, "opacity": 0.35},
                "encoding": grey,
            },
            {
                "transform": [{"filter": {"field": "named", "equal": True}}],
                "mark": {**line, "strokeWidth": 2.2},
                "encoding": common | {"color": colour, "strokeDash": dash},
            },
        ],
    )


def says(row: Row) -> str:
    """A row's number as a tooltip shows it."""
    return f"{fixed(row.estimate)} [{fixed(row.low)}, {fixed(row.high)}]"


def _within(curve: RocCurve, reach: float) -> list[tuple[float, float]]:
    """Corners up to the reach and one beyond, rounded for the page; the drawing clips the rest."""
    corners = list(zip(curve.false_alarms.tolist(), curve.caught.tolist(), strict=True))
    inside = sum(x <= reach for x, _ in corners)
    return [(round(x, 4), round(y, 4)) for x, y in corners[: inside + 1]]


def chart(alt: str, values: Sequence[Point], **parts: Any) -> Spec:
    """A drawing as wide as its place on the page, with the words for those who do not see it."""
    return {
        "$schema": SCHEMA,
        "description": visible(alt),
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": list(values)},
        "config": _CONFIG,
        **parts,
    }


def layer(mark: Spec, **encoding: Any) -> Spec:
    """One layer; a channel given as a name is that field of the points."""
    channels = {k: {"field": v} if isinstance(v, str) else v for k, v in encoding.items()}
    return {"mark": mark, "encoding": channels}


def quantity(name: str, title: str | None = None) -> Spec:
    """A channel of numbers."""
    return {"field": name, "type": "quantitative", "title": title, "axis": {"tickCount": 5}}


def coloured(name: str, values: Mapping[str, str]) -> Spec:
    """A channel of names, each with its own colour or shape; the page writes the legend."""
    scale = {"domain": list(values), "range": list(values.values())}
    return {"field": name, "type": "nominal", "scale": scale, "legend": None}


def tooltip(**fields: str) -> list[Spec]:
    """What a finger or pointer on a mark is told: field=title."""
    return [
        {"field": name, "title": title, **({"format": ".3f"} if name == "mde" else {})}
        for name, title in fields.items()
    ]
