"""Arranges evidence for the templates: which numbers stand beside each other, and what each links to."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assay.core import Case, Kind, Price, Record
from assay.report.evidence import ALL, TWIN, Evidence, Measure
from assay.report.numbers import count
from assay.report.price import run_price
from assay.results.rows import BreakEven, Comparison, Reply, Row

GROUPS: Mapping[Kind, str] = {
    "method": "Methods under test",
    "baseline": "Plain baselines: no interpretability",
    "placebo": "Placebos: the insight removed",
    "floor": "Floor",
    "ceiling": "Ceiling",
}
SAMPLES = (("trigger", 3), ("near_miss", 2), ("distractor", 1), ("plain", 1))
"""Kinds of case shown on an organism's page, and how many of each."""


@dataclass(frozen=True)
class Line:
    """One method in a table: its numbers for the measures of the table, in their order."""

    method: str
    title: str
    kind: Kind
    access: str
    numbers: tuple[Row | None, ...]
    baseline: Comparison | None
    """Against the best plain baseline, on the first measure."""
    placebo: Comparison | None
    price: tuple[float, float] | None
    """Operations and seconds: of 1,000 transcripts where the job watches them, else of one run."""


@dataclass(frozen=True)
class Group:
    """Methods of one kind."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Trouble:
    """Runs that came to nothing for the same reason."""

    method: str
    status: str
    error: str
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Sample:
    """A case as the page shows it; the reply is cut where a monitor is asked."""

    title: str
    case: Case

    @property
    def seen(self) -> str:
        """The organism's reply up to the point where a monitor is asked."""
        return self.case.reply[: self.case.onset]

    @property
    def unseen(self) -> str:
        """The organism's reply after that point."""
        return self.case.reply[self.case.onset :]


@dataclass(frozen=True)
class Costs:
    """What the uses of each entry cost, and from when on a dear preparation pays."""

    ways: tuple[str, ...]
    lines: tuple[tuple[str, str, BreakEven, str], ...]
    """(key, title, cost, from when on it pays), the cheapest use first."""
    rival: str
    """Title of the entry that the others are compared with."""


def costs(evidence: Evidence, job: str) -> Costs | None:
    """The costs of a job's entries where its panel asks for them and its rival was run."""
    found = evidence.table.break_even.get(job, ())
    asked = evidence.table.meta.get("break_even", {}).get(job)
    if not found or not asked:
        return None
    way, rival = asked
    ways = tuple(name for name in ("single", "few", "many", "sequence", "long") if name in found[0].each)
    order = sorted(found, key=lambda one: one.each[way])
    lines = tuple((one.method, evidence.title(one.method), one, _pays(one.uses)) for one in order)
    return Costs(ways, lines, evidence.title(rival))


def _pays(uses: float) -> str:
    if math.isinf(uses):
        return "never"
    return "the first" if uses <= 1 else f"{count(math.ceil(uses), 'use')}"


def split_measures(
    measures: Sequence[Measure], named: Sequence[str] = ()
) -> tuple[tuple[Measure, ...], tuple[Measure, ...]]:
    """The metrics of the headline table, the first three if none of them is named, and all others."""
    chosen = [m for m in measures if m.key in named] or list(measures[:3])
    return tuple(chosen), tuple(m for m in measures if m not in chosen)


def groups(
    evidence: Evidence,
    job: str,
    measures: Sequence[Measure],
    *,
    twins: bool = False,
    organism: str = ALL,
) -> tuple[Group, ...]:
    """Tables of one job: methods by kind, best first; either the organisms' runs or those on clean twins."""
    labels = [label for label in evidence.methods(job) if label.endswith(TWIN) == twins]
    lines = [_line(evidence, job, organism, label, measures) for label in labels]
    found = [line for line in lines if line]
    if twins:
        return (
            (Group("The same tools on the clean twin: nothing was planted", tuple(found)),) if found else ()
        )
    by_kind = [Group(title, tuple(x for x in found if x.kind == kind)) for kind, title in GROUPS.items()]
    return tuple(group for group in by_kind if group.lines)


def _line(
    evidence: Evidence, job: str, organism: str, label: str, measures: Sequence[Measure]
) -> Line | None:
    numbers = tuple(evidence.rows.get((job, organism, label, m.key)) for m in measures)
    first = next((row for row in numbers if row), None)
    if first is None:
        return None
    return Line(
        method=label,
        title=evidence.title(label),
        kind=first.kind,
        access=first.access,
        numbers=numbers,
        baseline=evidence.comparison(first, "baseline"),
        placebo=evidence.comparison(first, "placebo"),
        price=_price(evidence, first) if organism == ALL and not label.endswith(TWIN) else None,
    )


def _price(evidence: Evidence, row: Row) -> tuple[float, float] | None:
    if not evidence.watches(row.job):
        cost = run_price(row.cost)
        return cost.flops, cost.seconds
    price = evidence.prices.get((row.job, row.method))
    return (price.thousand_flops, price.thousand_s) if price else None


@dataclass(frozen=True)
class Answer:
    """The answer to a job's yes/no question, with titles in place of keys."""

    reply: Reply
    measure: str
    entries: str
    rival: str


def answers(evidence: Evidence, job: str) -> tuple[Answer, ...]:
    """The answers of a job, in the order in which it asks."""
    titles = {measure.key: measure.title for measure in evidence.measures(job)}
    return tuple(
        Answer(
            reply,
            titles.get(reply.metric, reply.metric),
            ", ".join(evidence.title(entry) for entry in reply.entries),
            evidence.title(reply.comparison.against),
        )
        for reply in evidence.table.replies
        if reply.job == job
    )


def footnotes(groups: Sequence[Group]) -> dict[str, int]:
    """Number the notes of a table in the order in which they turn up."""
    numbers = (row for group in groups for line in group.lines for row in line.numbers)
    notes = dict.fromkeys(row.note for row in numbers if row and row.note)
    return {note: i for i, note in enumerate(notes, 1)}


def compared(
    evidence: Evidence, job: str, measure: Measure, against: Literal["baseline", "placebo"]
) -> list[Comparison]:
    """Comparisons of all methods of a job over all organisms, on one measure, with one kind of rival."""
    return [
        c
        for c in evidence.table.comparisons
        if (c.job, c.organism, c.metric, c.against_kind) == (job, ALL, measure.key, against)
    ]


def troubles(records: Iterable[Record]) -> tuple[Trouble, ...]:
    """Runs whose status is not ``ok``, those with the same reason together."""
    found: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if record.status != "ok":
            reason = record.error.strip().splitlines()[0] if record.error.strip() else ""
            found.setdefault((record.method, record.status, reason), []).append(record)
    return tuple(Trouble(*key, tuple(runs)) for key, runs in sorted(found.items()))


def samples(cases: Sequence[Case]) -> tuple[Sample, ...]:
    """A few report cases of each kind, of surface forms as different as there are."""
    titles = {"trigger": "Triggered", "near_miss": "Near miss", "distractor": "Distractor", "plain": "Plain"}
    chosen: list[Sample] = []
    for kind, wanted in SAMPLES:
        of_kind = [case for case in cases if case.split == "report" and case.kind == kind]
        first_of_form = {(case.form, case.unseen_form): case for case in reversed(of_kind)}
        ordered = sorted(of_kind, key=lambda case: case not in first_of_form.values())
        chosen += [Sample(titles[kind], case) for case in ordered[:wanted]]
    return tuple(chosen)


def versions(records: Iterable[Record]) -> dict[str, str]:
    """Versions, machine and precision as the runs recorded them; several values stand side by side."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name, value in record.versions.items():
            found.setdefault(name, set()).add(value)
    return {name: " | ".join(sorted(values)) for name, values in sorted(found.items())}


def mean_price(prices: Iterable[Price]) -> Price:
    """Mean of metered prices; memory is the largest seen, counts are rounded.

    >>> mean_price([Price(queries=2, flops=4.0), Price(queries=4)]) == Price(queries=3, flops=2.0)
    True
    """
    metered = tuple(prices)
    n = max(1, len(metered))
    total = sum(metered, Price()).scaled(1 / n)
    return replace(
        total,
        queries=round(total.queries / n),
        tokens_forward=round(total.tokens_forward / n),
        tokens_backward=round(total.tokens_backward / n),
    )
