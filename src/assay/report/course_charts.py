"""Vega-Lite specifications of what runs along a size or a depth: lines over list sizes, maps over layers."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.report.charts import DASHES, LINES, Point, Spec, chart, layer, quantity, tooltip


def course_chart(points: Sequence[Point], named: Sequence[str], x_title: str, y_title: str, alt: str) -> Spec:
    """Draw a measure against a size on a logarithmic axis; the named in colour, the others thin and grey.

    A course that begins at 0 has an axis that is linear up to its smallest size. A point holds: method, x, y,
    low, high, says, named.
    """
    sizes = sorted({point["x"] for point in points})
    smallest = min((size for size in sizes if size > 0), default=1.0)
    scale: Spec = {"type": "log"} if sizes[0] > 0 else {"type": "symlog", "constant": smallest}
    x: Spec = {
        "field": "x",
        "type": "quantitative",
        "scale": {**scale, "nice": False, "padding": 18},
        "title": x_title,
        "axis": {"values": sizes, "grid": False, "format": ",d"},
    }
    y = quantity("y", y_title)
    colour = {
        "field": "method",
        "type": "nominal",
        "scale": {"domain": list(named), "range": list(LINES[: len(named)])},
        "legend": {"title": None, "symbolType": "stroke", "symbolStrokeWidth": 3, "columns": 1},
    }
    dash = {
        "field": "method",
        "scale": {"domain": list(named), "range": list(DASHES[: len(named)])},
        "legend": None,
    }
    grey, shown = ({"filter": {"field": "named", "equal": flag}} for flag in (False, True))
    seen = tooltip(method="Method", x=x_title.capitalize(), says=y_title)
    common: Mapping[str, Any] = {"x": x, "y": y, "tooltip": seen}
    low = quantity("low", y_title)
    dot: Spec = {"size": 45, "filled": True}
    thin: Spec = {"color": "var(--soft)", "opacity": 0.35}
    line: Spec = {"type": "line", "point": dot}
    return chart(
        alt,
        list(points),
        height=300,
        layer=[
            {
                "transform": [grey],
                "mark": {**line, **thin, "point": {**dot, **thin}, "strokeWidth": 1},
                "encoding": {**common, "detail": {"field": "method"}},
            },
            {"transform": [shown]}
            | layer({"type": "rule", "opacity": 0.6}, x=x, y=low, y2="high", color=colour),
            {
                "transform": [shown],
                "mark": {**line, "strokeWidth": 2.2},
                "encoding": {**common, "color": colour, "strokeDash": dash},
            },
        ],
    )


def map_chart(cells: Sequence[Point], rows: Sequence[str], most: float, alt: str) -> Spec:
    """Draw a map of effects, rows by layers: the stronger the colour, the larger; below zero is left white.

    A cell holds: row, layer, effect.
    """
    x: Spec = {"field": "layer", "type": "ordinal", "title": "layer", "axis": {"labelAngle": 0}}
    y: Spec = {"field": "row", "type": "nominal", "sort": list(rows), "title": None}
    strength: Spec = {
        "field": "effect",
        "type": "quantitative",
        "scale": {"domain": [0, most], "range": [0, 1], "clamp": True},
        "legend": None,
    }
    seen = [*tooltip(row="Restored", layer="Layer"), {"field": "effect", "title": "Effect", "format": ".3f"}]
    return chart(
        alt,
        list(cells),
        height={"step": 20},
        encoding={"x": x, "y": y, "tooltip": seen},
        layer=[
            {"mark": {"type": "rect", "stroke": "var(--line)", "color": "transparent"}},
            layer({"type": "rect", "color": "var(--method)"}, opacity=strength),
        ],
    )
