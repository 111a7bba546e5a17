"""Writes numbers the way people read them."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from assay.core import Price

MINUS = "−"
MISSING = "–"
_PREFIXES = ("", "k", "M", "G", "T", "P", "E")


def fixed(value: float, digits: int = 3) -> str:
    """Write a number with fixed digits and a true minus sign; a missing number is a dash.

    >>> fixed(0.91234), fixed(float("nan")), fixed(-0.0001)
    ('0.912', '–', '0.000')
    """
    if not math.isfinite(value):
        return MISSING
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float, digits: int = 3) -> str:
    """Write a difference with its sign, also where it is positive.

    >>> signed(0.031), signed(-0.2), signed(0.0)
    ('+0.031', '−0.200', '0.000')
    """
    text = fixed(value, digits)
    return f"+{text}" if math.isfinite(value) and float(text.replace(MINUS, "-")) > 0 else text


def brief(value: float) -> str:
    """Write a number of any size with three digits that count.

    >>> brief(399.04), brief(-0.01234), brief(12345.6), brief(float("nan"))
    ('399', '−0.0123', '12,346', '–')
    """
    if not math.isfinite(value):
        return MISSING
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}").replace("-", MINUS)


def share(value: float) -> str:
    """Write a share as a percentage.

    >>> share(0.01134), share(1.0), share(0.0)
    ('1.13%', '100%', '0%')
    """
    return f"{100 * value:.3g}%" if math.isfinite(value) else MISSING


def amount(value: float, unit: str) -> str:
    """Write a count with a decimal prefix and three digits at most.

    >>> amount(1.234e9, "FLOP"), amount(0, "FLOP"), amount(950, "B")
    ('1.23 GFLOP', '0 FLOP', '950 B')
    """
    if not math.isfinite(value):
        return MISSING
    step = 0
    while abs(value) >= 999.5 and step < len(_PREFIXES) - 1:
        value, step = value / 1000, step + 1
    return f"{value:.3g} {_PREFIXES[step]}{unit}".replace("-", MINUS)


def duration(seconds: float) -> str:
    """Write seconds in the unit that people would choose.

    >>> duration(0.0042), duration(12.34), duration(600), duration(9000)
    ('4.2 ms', '12.3 s', '10 min', '2.5 h')
    """
    if not math.isfinite(seconds):
        return MISSING
    if seconds == 0:
        return "0 s"
    steps = ((1e-3, 1e-6, "µs"), (1.0, 1e-3, "ms"), (120.0, 1.0, "s"), (7200.0, 60.0, "min"))
    for limit, size, unit in steps:
        if seconds < limit:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 3600:.3g} h"


def moment(iso: str) -> str:
    """Write a stored UTC time for people; text that is no time stays as it is.

    >>> moment("2031-01-05T10:20:30+00:00")
    '2031-01-05 10:20 UTC'
    """
    try:
        return datetime.fromisoformat(iso).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return iso


def count(number: int, noun: str) -> str:
    """Write a number with its noun in the right form.

    >>> count(1, "organism"), count(3, "organism")
    ('1 organism', '3 organisms')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def fields(mapping: Mapping[str, Any]) -> str:
    """Write named values in one line.

    >>> fields({"layer": 3, "family": "all", "c": 0.123456})
    'layer = 3, family = all, c = 0.1235'
    """
    return ", ".join(f"{k} = {f'{v:.4g}' if isinstance(v, float) else v}" for k, v in mapping.items())


def price_fields(price: Price) -> dict[str, str]:
    """Write every field of a price under the name that a page shows."""
    raw = asdict(price)
    written = {
        "texts sent": f"{price.queries:,}",
        "tokens forward": f"{price.tokens_forward:,}",
        "tokens backward": f"{price.tokens_backward:,}",
        "operations": amount(price.flops, "FLOP"),
        "peak memory": amount(price.peak_bytes, "B"),
    }
    seconds = {"wall_s": "wall time", "cpu_s": "CPU time", "gpu_s": "GPU time"}
    return written | {title: duration(raw[name]) for name, title in seconds.items()}
