"""Draws a heat map as small as a thumbnail: one path for each strength of colour, no script, no number."""

import math
from dataclasses import dataclass

from assay.report.exhibits import LEVELS, heat
from assay.report.grids import Cell, HeatMap

SIDE = 11
"""Pixels of a cell."""


@dataclass(frozen=True)
class Thumbnail:
    """Paths in units of a cell, for a drawing of ``columns`` by ``rows``."""

    columns: int
    rows: int
    shades: tuple[tuple[float, str], ...]
    """(opacity, path of the cells that have it), the palest first."""
    own: str
    """Frames around the books' own exams."""
    lost: str
    """Strokes through cells that have no number."""

    @property
    def width(self) -> int:
        """Pixels of the drawing."""
        return self.columns * SIDE

    @property
    def height(self) -> int:
        """Pixels of the drawing."""
        return self.rows * SIDE


def thumbnail(drawn: HeatMap) -> Thumbnail:
    """Sort the cells of a map by their strength of colour."""
    placed = [(x, y, cell) for y, line in enumerate(drawn.lines) for x, cell in enumerate(line.cells)]
    by_level = [""] * (LEVELS + 1)
    for x, y, cell in placed:
        by_level[_level(cell)] += _square(x, y)
    return Thumbnail(
        columns=max((len(line.cells) for line in drawn.lines), default=1),
        rows=max(1, len(drawn.lines)),
        shades=tuple((round(i / LEVELS, 3), path) for i, path in enumerate(by_level) if i and path),
        own="".join(_square(x, y) for x, y, cell in placed if cell.role == "own"),
        lost="".join(f"M{x} {y + 1}l1-1" for x, y, cell in placed if cell.role and not cell.known),
    )


def shade(value: float) -> str:
    """Strength of a cell's colour, between 0 and 1.

    >>> shade(0.8333), shade(-0.1), shade(float("nan"))
    ('0.83', '0.00', '0.00')
    """
    return f"{min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0:.2f}"


def _square(x: int, y: int) -> str:
    return f"M{x} {y}h1v1h-1z"


def _level(cell: Cell) -> int:
    return heat(cell.row.estimate, 1.0) if cell.row and cell.known else 0
