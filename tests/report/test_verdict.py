"""The verdict says what the table says, also where no tool wins."""

from dataclasses import replace

import pytest

from assay.report.evidence import Evidence
from assay.report.numbers import fixed, signed
from assay.report.verdict import verdict
from assay.results.rows import Comparison, Verdict


def _with(evidence: Evidence, baseline: Verdict, placebo: Verdict) -> Evidence:
    """The same evidence with every comparison over all organisms given another verdict."""
    said: dict[str, Verdict] = {"baseline": baseline, "placebo": placebo}

    def changed(c: Comparison) -> Comparison:
        return replace(c, verdict=said[c.against_kind])

    comparisons = tuple(changed(c) for c in evidence.table.comparisons)
    return replace(
        evidence,
        table=replace(evidence.table, comparisons=comparisons),
        compared={key: changed(c) for key, c in evidence.compared.items()},
    )


def test_numbers_are_those_of_the_table(evidence: Evidence) -> None:
    """Best method, best baseline, difference, interval and detectable difference should be the table's."""
    judged = verdict(evidence, "monitor")
    rows = [r for r in evidence.table.rows if (r.organism, r.metric, r.status) == ("all", "auroc", "ok")]
    best = max((r for r in rows if r.kind == "method"), key=lambda r: r.estimate)
    rival = max((r for r in rows if r.kind == "baseline"), key=lambda r: r.estimate)
    assert (judged.best, judged.rival) == (best, rival)
    assert judged.baseline is not None
    for number in (
        fixed(best.estimate),
        fixed(rival.estimate),
        signed(judged.baseline.difference),
        f"[{signed(judged.baseline.low)}, {signed(judged.baseline.high)}]",
        fixed(judged.baseline.mde),
    ):
        assert number in judged.paragraph


@pytest.mark.parametrize(
    ("baseline", "placebo", "headline"),
    [
        ("wins", "wins", "Mass-mean probe with covariance (LDA) wins."),
        ("wins", "no winner", "but not its own placebo"),
        ("no winner", "wins", "No winner."),
        ("loses", "wins", "The plain baseline wins: Prompt perplexity."),
    ],
)
def test_headline_follows_the_comparisons(
    evidence: Evidence, baseline: Verdict, placebo: Verdict, headline: str
) -> None:
    """A tool should be said to win only where it beats baseline and placebo."""
    judged = verdict(_with(evidence, baseline, placebo), "monitor")
    assert headline in judged.headline
    assert judged.outcome == baseline


def test_the_field_is_counted(evidence: Evidence) -> None:
    """The number of methods that lose should be said, since the best of many is flattered."""
    judged = verdict(_with(evidence, "loses", "loses"), "monitor")
    assert "0 ahead of the best baseline, 5 behind it, 0 not to be told from it" in judged.paragraph


@pytest.mark.parametrize(("kind", "says"), [("method", "no method"), ("baseline", "no plain baseline")])
def test_no_verdict_without_both_sides(evidence: Evidence, kind: str, says: str) -> None:
    """Where a side is missing, the verdict should say which and award nothing."""
    rows = {key: row for key, row in evidence.rows.items() if row.kind != kind}
    judged = verdict(replace(evidence, rows=rows), "monitor")
    assert judged.outcome == "no winner"
    assert says in judged.headline


def test_unmeasured_job(evidence: Evidence) -> None:
    """A job without metrics should get a verdict that says so."""
    assert verdict(evidence, "unknown").headline == "Nothing was measured."
