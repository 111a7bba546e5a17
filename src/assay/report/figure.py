"""A chart with the words around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A chart with its words; the first of a section carries the section's heading."""

    id: str
    title: str
    caption: str
    spec: Mapping[str, Any]
    heading: str = ""
    anchor: str = ""
    intro: str = ""
    legend: str = ""
    """kinds | all kinds | verdicts: the legend that the page writes above the charts."""
