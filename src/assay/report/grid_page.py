"""The grid on the front page, as thumbnails of every map, and a page with the numbers for each method."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.core import Kind
from assay.report import page
from assay.report.evidence import ALL, TWIN, Evidence, Measure
from assay.report.grid_charts import Thumbnail, thumbnail
from assay.report.grids import PLAIN, Grid, HeatMap, heat_map, totals
from assay.report.view import GROUPS
from assay.report.visible import file_stem
from assay.results.rows import Row

TOTALS = ("robust", "left", "kept", "kept_neighbour", "kept_rest")
"""Metrics of a method that speak of no single recovery."""


@dataclass(frozen=True)
class Entry:
    """A row of the overview: one method after every recovery."""

    method: str
    title: str
    kind: Kind
    access: str
    page: str
    """File of its maps within the report."""
    maps: tuple[HeatMap, ...]

    @property
    def thumbnails(self) -> tuple[tuple[HeatMap, Thumbnail], ...]:
        """Each map with its small drawing."""
        return tuple((drawn, thumbnail(drawn)) for drawn in self.maps)


@dataclass(frozen=True)
class Example:
    """What the front page shows in full: one method as it is, and after what brings most back."""

    method: str
    title: str
    page: str
    maps: tuple[HeatMap, ...]
    totals: tuple[tuple[Measure, Row], ...]


def grid_file(grid: Grid, method: str) -> str:
    """File of a method's maps within the report."""
    return f"grids/{file_stem(f'{grid.job}.{method}')}.html"


def gridded(evidence: Evidence, grid: Grid) -> tuple[str, ...]:
    """Methods that have maps: all but runs on twins."""
    return tuple(key for key in evidence.methods(grid.job) if not key.endswith(TWIN))


def overview(evidence: Evidence, grid: Grid, best: str = "") -> dict[str, Any]:
    """What the front page says of the grid; ``best`` is the method that it shows in full."""
    entries = [_entry(evidence, grid, key) for key in gridded(evidence, grid)]
    return {
        "layout": grid,
        "example": _example(evidence, grid, best) if best else None,
        "groups": _by_kind(entries),
        "near": any(book.neighbours for book in grid.books),
        "level": evidence.table.meta["level"],
    }


def grid_page(evidence: Evidence, grid: Grid, method: str) -> str:
    """All maps of one method with their numbers."""
    place = 1 + list(evidence.jobs).index(grid.job)
    return page.render(
        "grid.html",
        root="../",
        created=evidence.created,
        layout=grid,
        job_title=evidence.jobs[grid.job].title or grid.job,
        front="grid" if place == 1 else f"grid-{place}",
        entry=_entry(evidence, grid, method),
        totals=totals(evidence, grid.job, method, TOTALS),
        others=_others(evidence, grid),
        near=any(book.neighbours for book in grid.books),
        level=evidence.table.meta["level"],
    )


def _entry(evidence: Evidence, grid: Grid, method: str) -> Entry:
    kind, access = _kind(evidence, grid, method)
    return Entry(
        method=method,
        title=evidence.title(method),
        kind=kind,
        access=access,
        page=grid_file(grid, method),
        maps=tuple(heat_map(evidence, grid, method, way) for way in grid.ways),
    )


def _example(evidence: Evidence, grid: Grid, method: str) -> Example:
    """As it is, and after the recovery with the largest mean on the diagonal."""
    maps = {way.key: heat_map(evidence, grid, method, way) for way in grid.ways}
    undone = {k: drawn.diagonal.estimate for k, drawn in maps.items() if k != PLAIN and drawn.diagonal}
    shown = dict.fromkeys((PLAIN, max(undone, key=undone.__getitem__, default=PLAIN)))
    return Example(
        method=method,
        title=evidence.title(method),
        page=grid_file(grid, method),
        maps=tuple(maps[key] for key in shown if key in maps),
        totals=totals(evidence, grid.job, method, TOTALS),
    )


def _kind(evidence: Evidence, grid: Grid, method: str) -> tuple[Kind, str]:
    """Kind and access of a method; every row of it says the same."""
    row = evidence.rows[grid.job, ALL, method, next(iter(grid.ways[0].metrics.values()))]
    return row.kind, row.access


def _others(evidence: Evidence, grid: Grid) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Key, title and page of every method, by kind."""
    found: dict[Kind, list[tuple[str, str, str]]] = {kind: [] for kind in GROUPS}
    for key in gridded(evidence, grid):
        link = (key, evidence.title(key), grid_file(grid, key))
        found[_kind(evidence, grid, key)[0]].append(link)
    return [(GROUPS[kind], links) for kind, links in found.items() if links]


def _by_kind(entries: Sequence[Entry]) -> list[tuple[str, list[Entry]]]:
    by_kind = [(title, [one for one in entries if one.kind == kind]) for kind, title in GROUPS.items()]
    return [(title, found) for title, found in by_kind if found]
