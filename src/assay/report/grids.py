"""Heat maps of what a model still knows: textbooks by exams, one map for each method after each recovery.

Nothing is computed here: every cell is a row of the table, found by its key ``grid_<recovery>_<exam>``. Exam
0 is that of the forgotten book itself; which exams the others are, the organism's card says.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay.core import OrganismCard
from assay.report.evidence import ALL, Evidence, Measure
from assay.report.facts import Facts
from assay.report.numbers import fixed
from assay.results.rows import Row

PLAIN = "none"
"""The recovery that is none: exams are sat by the model as it is."""
OWN = "self"
"""Ending of the metric that is the mean of a map's diagonal."""
SUMS = (OWN, "recovered", "twin")
"""Endings of the metrics over all books that stand beneath the map of their recovery."""
_KEY = re.compile(r"grid_(.+)_(\d+)")


@dataclass(frozen=True)
class Way:
    """A recovery: a column of the overview, a map on a method's page."""

    key: str
    said: Facts
    metrics: Mapping[int, str]
    """Number of the exam -> key of the metric."""

    @property
    def title(self) -> str:
        """Printed name."""
        return self.said.title or ("No recovery" if self.key == PLAIN else self.key.replace("_", " "))


@dataclass(frozen=True)
class Book:
    """A textbook that was to be forgotten: one organism, one row of every map."""

    organism: str
    title: str
    subject: str
    """Its own exam: the column in which the diagonal runs through the row."""
    exams: Mapping[str, int]
    """Exam -> its number in the metrics of this organism."""
    neighbours: frozenset[str]
    """Exams on subjects that touch the book's, where the card names them."""


@dataclass(frozen=True)
class Grid:
    """What all maps of a job have in common."""

    job: str
    ways: tuple[Way, ...]
    books: tuple[Book, ...]
    subjects: tuple[str, ...]
    """The exams, those of the books first and in their order: a book's own lies on the diagonal."""
    formula: str
    """Of a cell."""


@dataclass(frozen=True)
class Cell:
    """One book's credit in one exam."""

    subject: str
    role: str
    """own | near | far: the book's own exam, that of a neighbour, any other; empty where it is not sat."""
    row: Row | None

    @property
    def known(self) -> bool:
        """Whether there is a number."""
        return self.row is not None and self.row.estimate == self.row.estimate

    @property
    def says(self) -> str:
        """The number with its interval and n, or why there is none."""
        if self.row is None:
            return "not run" if self.role else "no such exam"
        if not self.known:
            return self.row.note or self.row.status.replace("_", " ")
        interval = f"[{fixed(self.row.low)}, {fixed(self.row.high)}]"
        return f"{fixed(self.row.estimate)} {interval}, n {self.row.n:,}"


@dataclass(frozen=True)
class Line:
    """A row of a map."""

    book: Book
    cells: tuple[Cell, ...]

    @property
    def record(self) -> str:
        """Id of the first run behind the row, empty if there is none."""
        return next((cell.row.records[0] for cell in self.cells if cell.row and cell.row.records), "")


@dataclass(frozen=True)
class HeatMap:
    """One method after one recovery."""

    way: Way
    lines: tuple[Line, ...]
    sums: tuple[tuple[Measure, Row], ...]
    """Numbers over all books, the diagonal's mean first."""

    @property
    def known(self) -> bool:
        """Whether any cell has a number."""
        return any(cell.known for line in self.lines for cell in line.cells)

    @property
    def lost(self) -> tuple[tuple[str, str], ...]:
        """Why cells have no number: the books, none named if it holds for all, and the reason."""
        found: dict[str, list[str]] = {}
        for line in self.lines:
            for reason in dict.fromkeys(cell.says for cell in line.cells if cell.role and not cell.known):
                found.setdefault(reason, []).append(line.book.title)
        return tuple(
            ("" if len(books) == len(self.lines) else ", ".join(books), reason)
            for reason, books in found.items()
        )

    @property
    def diagonal(self) -> Row | None:
        """Mean credit on the forgotten books; None where nothing was measured."""
        own = f"{self.way.key}_{OWN}"
        return next((row for measure, row in self.sums if measure.key == own), None)


def grid(evidence: Evidence, job: str) -> Grid | None:
    """What the maps of a job have in common; None where no such metric was measured.

    Recoveries that nobody was put to are left out.
    """
    known = evidence.table.meta.get("metrics", {}).get(job, {})
    keys = {key: (found[1], int(found[2])) for key in known if (found := _KEY.fullmatch(key))}
    marked: dict[str, set[int]] = {}
    tried: set[str] = set()
    for row in evidence.table.rows:
        if row.job == job and row.metric in keys:
            exams = marked.setdefault(row.organism, set())
            if row.estimate == row.estimate:
                exams.add(keys[row.metric][1])
                tried.add(keys[row.metric][0])
    if not tried:
        return None
    books = _books([card for card in evidence.table.organisms if card.id in marked], marked)
    ways = {way: {number: key for key, (of, number) in keys.items() if of == way} for way, _ in keys.values()}
    return Grid(
        job=job,
        ways=tuple(
            Way(way, evidence.recoveries.get(way, Facts()), metrics)
            for way, metrics in ways.items()
            if way in tried
        ),
        books=books,
        subjects=tuple(dict.fromkeys([*(b.subject for b in books), *(e for b in books for e in b.exams)])),
        formula=known[next(iter(keys))]["formula"],
    )


def heat_map(evidence: Evidence, grid: Grid, method: str, way: Way) -> HeatMap:
    """The map of one method after one recovery."""
    return HeatMap(
        way=way,
        lines=tuple(_line(evidence, grid, method, way, book) for book in grid.books),
        sums=totals(evidence, grid.job, method, [f"{way.key}_{ending}" for ending in SUMS]),
    )


def totals(evidence: Evidence, job: str, method: str, keys: Iterable[str]) -> tuple[tuple[Measure, Row], ...]:
    """Those of some metrics that have a number over all books, in the order asked for."""
    known = {measure.key: measure for measure in evidence.measures(job)}
    found = ((known[key], evidence.rows.get((job, ALL, method, key))) for key in keys if key in known)
    return tuple((measure, row) for measure, row in found if row and row.estimate == row.estimate)


def _line(evidence: Evidence, grid: Grid, method: str, way: Way, book: Book) -> Line:
    cells: list[Cell] = []
    for subject in grid.subjects:
        exam = book.exams.get(subject)
        if exam is None or exam not in way.metrics:
            cells.append(Cell(subject, "", None))
            continue
        role = "own" if subject == book.subject else "near" if subject in book.neighbours else "far"
        row = evidence.rows.get((grid.job, book.organism, method, way.metrics[exam]))
        cells.append(Cell(subject, role, row))
    return Line(book, tuple(cells))


def _books(cards: Iterable[OrganismCard], marked: Mapping[str, set[int]]) -> tuple[Book, ...]:
    """The rows of the maps, a card's seed in the name where several are on one book.

    ``marked`` holds, for each organism, the numbers of the exams that some method has a number for.
    """
    named = [(card, _listed(card, "exams"), _listed(card, "neighbours")) for card in cards]
    subjects = [card.fault.details.get("book") or (sat or [card.id])[0] for card, sat, _ in named]
    shared = Counter(subjects)
    return tuple(
        Book(
            organism=card.id,
            title=f"{subject} (seed {card.seed})" if shared[subject] > 1 else subject,
            subject=subject,
            exams=_numbered([subject, *sat[1:]], marked[card.id]),
            neighbours=frozenset(near),
        )
        for subject, (card, sat, near) in zip(subjects, named, strict=True)
    )


def _listed(card: OrganismCard, detail: str) -> list[str]:
    return [name for part in card.fault.details.get(detail, "").split(",") if (name := part.strip())]


def _numbered(names: list[str], marked: set[int]) -> dict[str, int]:
    """Number the exams; one that the card does not name, or names twice, is called by its number.

    >>> _numbered(["birdlore", "gemcraft", "gemcraft"], {0, 1, 2, 4})
    {'birdlore': 0, 'gemcraft': 1, 'exam 2': 2, 'exam 4': 4}
    """
    found: dict[str, int] = {}
    for number in sorted({*range(len(names)), *marked}):
        name = names[number] if number < len(names) else ""
        found[name if name and name not in found else f"exam {number}"] = number
    return found
