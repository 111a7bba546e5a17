"""Says in plain words what won a job, by how much, and what the run could not have seen."""

from dataclasses import dataclass

from assay.core import Kind
from assay.report.evidence import ALL, Evidence, Measure
from assay.report.numbers import count, fixed, signed
from assay.results.rows import Comparison, Row, Verdict


@dataclass(frozen=True)
class JobVerdict:
    """The answer to "does any tool beat the plain alternative at this job?"."""

    outcome: Verdict
    headline: str
    paragraph: str
    measure: Measure | None = None
    best: Row | None = None
    """The method with the best estimate, over all organisms."""
    rival: Row | None = None
    """The best plain baseline, over all organisms."""
    baseline: Comparison | None = None
    placebo: Comparison | None = None


def verdict(evidence: Evidence, job: str) -> JobVerdict:
    """Judge a job by its first metric, over all organisms."""
    measures = evidence.measures(job)
    if not measures:
        return JobVerdict(
            "no winner", "Nothing was measured.", "The run folder holds no finished report runs."
        )
    measure = measures[0]
    best = _best(evidence, job, measure, "method")
    rival = _best(evidence, job, measure, "baseline")
    if best is None or rival is None:
        absent = "method" if best is None else "plain baseline"
        return JobVerdict(
            "no winner",
            f"No verdict: no {absent} was measured.",
            f"A verdict needs a method and a plain baseline, and no {absent} finished a run. "
            "The table shows what there is.",
            measure=measure,
            best=best,
            rival=rival,
        )
    against = evidence.comparison(best, "baseline")
    placebo = evidence.comparison(best, "placebo")
    rival = _rival(evidence, best, against) or rival
    outcome: Verdict = against.verdict if against else "no winner"
    return JobVerdict(
        outcome=outcome,
        headline=_headline(evidence, best, rival, outcome, placebo),
        paragraph=_paragraph(evidence, measure, best, rival, against, placebo),
        measure=measure,
        best=best,
        rival=rival,
        baseline=against,
        placebo=placebo,
    )


def _best(evidence: Evidence, job: str, measure: Measure, kind: Kind) -> Row | None:
    """The best measured row of a kind over all organisms; the table lists the best first."""
    for method in evidence.methods(job):
        row = evidence.rows.get((job, ALL, method, measure.key))
        if row and row.kind == kind and row.estimate == row.estimate:
            return row
    return None


def _rival(evidence: Evidence, best: Row, against: Comparison | None) -> Row | None:
    return evidence.rows.get((best.job, ALL, against.against, best.metric)) if against else None


def _headline(evidence: Evidence, best: Row, rival: Row, outcome: Verdict, placebo: Comparison | None) -> str:
    tool, plain = evidence.title(best.method), evidence.title(rival.method)
    if outcome == "wins" and placebo and placebo.verdict != "wins":
        return f"{tool} beats the best plain baseline, but not its own placebo."
    if outcome == "wins":
        return f"{tool} wins."
    if outcome == "loses":
        return f"The plain baseline wins: {plain}."
    return "No winner."


def _paragraph(
    evidence: Evidence,
    measure: Measure,
    best: Row,
    rival: Row,
    against: Comparison | None,
    placebo: Comparison | None,
) -> str:
    """Four sentences: the two numbers, their difference, the placebo, the rest of the field."""
    said = [
        f"The best method, {evidence.title(best.method)}, reaches {measure.title} {_interval(best)}; "
        f"the best plain baseline, {evidence.title(rival.method)}, reaches {_interval(rival)}."
    ]
    if against:
        said.append(
            f"The difference is {signed(against.difference)} "
            f"[{signed(against.low)}, {signed(against.high)}] over {count(against.clusters, _unit(best))}; "
            f"with {evidence.table.meta['power']:.0%} power this run detects {fixed(against.mde)} or more."
        )
    else:
        said.append("The two share no organism, so they cannot be compared.")
    if placebo:
        relation = {"wins": "It beats", "loses": "It loses to", "no winner": "It cannot be told from"}
        said.append(
            f"{relation[placebo.verdict]} its best placebo, {evidence.title(placebo.against)}: "
            f"{signed(placebo.difference)} [{signed(placebo.low)}, {signed(placebo.high)}]."
        )
    return " ".join([*said, _field(evidence, best)])


def _field(evidence: Evidence, best: Row) -> str:
    """How the other methods fared, since the best of many is flattered by having been picked."""
    found = [
        c
        for c in evidence.table.comparisons
        if (c.job, c.organism, c.metric, c.against_kind) == (best.job, ALL, best.metric, "baseline")
    ]
    wins = sum(c.verdict == "wins" for c in found)
    losses = sum(c.verdict == "loses" for c in found)
    return (
        f"Of {count(len(found), 'method')}, {wins} ahead of the best baseline, {losses} behind it, "
        f"{len(found) - wins - losses} not to be told from it."
    )


def _unit(row: Row) -> str:
    return "organism" if row.clusters > 1 or len(row.records) > 1 else "group of cases"


def _interval(row: Row) -> str:
    return f"{fixed(row.estimate)} [{fixed(row.low)}, {fixed(row.high)}]"
