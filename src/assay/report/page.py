"""Fills templates: everything is escaped, control characters become symbols, no page can load anything."""

import base64
import hashlib
import importlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from assay.core.errors import BadOption
from assay.report import numbers
from assay.report.exhibits import heat
from assay.report.grid_charts import shade
from assay.report.view import footnotes
from assay.report.visible import file_stem, script_json, visible

DRAWN = 136
"""Width of an interval drawn in a table cell, in pixels of its own drawing."""
_CLIP = re.compile(r"(?<=[\"#])clip\d+(?=[\")])")
_START = """
for (const block of document.querySelectorAll("script[data-chart]")) {
  const place = document.getElementById(block.dataset.chart);
  vegaEmbed(place, JSON.parse(block.textContent), {
    mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
  }).catch((error) => { place.textContent = "This chart could not be drawn: " + error.message; });
}
"""


@cache
def environment() -> Environment:
    """The templates' surroundings; autoescape is on for every file, whatever its name."""
    env = Environment(
        loader=PackageLoader("assay.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    filters = cast(dict[str, Callable[..., Any]], env.filters)
    filters |= {
        "fixed": numbers.fixed,
        "brief": numbers.brief,
        "share": numbers.share,
        "heat": heat,
        "shade": shade,
        "signed": numbers.signed,
        "amount": numbers.amount,
        "duration": numbers.duration,
        "count": numbers.count,
        "fields": numbers.fields,
        "footnotes": footnotes,
        "moment": numbers.moment,
        "price": lambda price: numbers.fields(numbers.price_fields(price)),
        "stem": file_stem,
        "lines": _lines,
        "script_json": lambda value: Markup(script_json(value)),
        "place": place,
    }
    return env


def render(template: str, **context: Any) -> str:
    """Fill a template of this package."""
    return environment().get_template(template).render(style=_style(), **context)


def scripts() -> tuple[Markup, ...]:
    """The scripts that draw charts, to stand in a page: Vega with Vega-Lite, and the lines that start it."""
    bundle = str(converter().javascript_bundle())
    if "</script" in bundle.lower() or "<!--" in bundle:
        raise BadOption("this version of vl-convert-python writes scripts that cannot stand in a page")
    return Markup(bundle), Markup(_START)


@cache
def feature_script() -> Markup:
    """The script that searches and orders the cards of a feature browser."""
    return Markup(_template("features.js"))


def script_hashes(blocks: tuple[Markup, ...]) -> str:
    """Name scripts for a content security policy: only these run, whatever else got into the page."""
    digests = [hashlib.sha256(str(block).encode()).digest() for block in blocks]
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def static_svg(spec: Mapping[str, Any], width: int, name: str) -> Markup:
    """Draw a chart now, so that the page needs no script; colours stay names of CSS variables.

    ``name`` is unique within the page. Vega numbers clip paths through the life of the process; here they are
    numbered within the chart, so that the same chart gives the same text.
    """
    fixed_size = {**spec, "width": width, "autosize": {"type": "pad"}}
    drawn = str(converter().vegalite_to_svg(fixed_size))
    clips = list(dict.fromkeys(_CLIP.findall(drawn)))
    return Markup(_CLIP.sub(lambda found: f"{name}-clip{clips.index(found[0])}", drawn))


def converter() -> ModuleType:
    """Import vl-convert, or say how to get it."""
    try:
        return importlib.import_module("vl_convert")
    except ImportError as error:
        raise BadOption(
            "the report draws its charts with vl-convert-python, which is not installed: "
            "pip install 'assay[report]'"
        ) from error


def place(value: float, low: float, high: float) -> float:
    """Where a value stands on the drawn scale, in pixels; values beyond it stand at its end.

    >>> place(0.5, 0.0, 1.0)
    68.0
    """
    margin = 5.0
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return round(margin + share * (DRAWN - 2 * margin), 1)


@cache
def _style() -> Markup:
    return Markup(_template("style.css"))


def _template(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _finalize(value: Any) -> Any:
    """Called on everything that a template prints, before it is escaped."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(text: str) -> Markup:
    """Text of several lines, for a block that keeps them."""
    return escape(visible(text, lines=True))
