"""The worker's protocol: one line asked, one line answered, whatever the participant does in between."""

import sys
from collections.abc import Generator
from importlib.metadata import version
from pathlib import Path

import pytest
from safetensors.torch import load_file

from benchmarks.plan import Participant
from benchmarks.process import Failed, Process, Unable

TOY = Participant("toy", "ours", "tests.benchmarks.toy", "torch")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Generator[Process]:
    """A worker with the toy."""
    with Process(sys.executable, TOY, 1, tmp_path_factory.mktemp("logs") / "toy.log") as process:
        process.greeting()
        process.ask("settle", threads=1, products="none")
        yield process


def test_versions_come_first(worker: Process) -> None:
    """The greeting names the package's version and what is under it."""
    assert worker.versions["torch"] == version("torch")
    assert set(worker.versions) == {"torch", "transformers"}


def test_a_task_is_done(worker: Process, tmp_path: Path) -> None:
    """Prepared, compared, timed, weighed; what the participant prints does not disturb."""
    assert worker.ask("prepare", task="double", inputs=str(tmp_path / "3")) == ["", "broken"]
    worker.ask("result", use="", file=str(tmp_path / "out.safetensors"))
    assert load_file(tmp_path / "out.safetensors")["doubled"].tolist() == [6.0, 12.0]
    assert worker.ask("time", use="", least=0.01) > 0
    assert worker.ask("peak", use="") is None or worker.ask("peak", use="") >= 0


def test_the_whole_is_reckoned_from_the_sample(worker: Process, tmp_path: Path) -> None:
    """Of 2·2·3·2 operations a product: 1 product once, 2 in the sample of a tenth, so 21 in all."""
    worker.ask("prepare", task="multiply", inputs=str(tmp_path / "1"))
    assert worker.ask("flops", use="") == 21 * 24


def test_what_it_cannot_do_is_said(worker: Process, tmp_path: Path) -> None:
    """A missing task says why, with the participant's own words where it has some."""
    with pytest.raises(Unable, match="it has no wings"):
        worker.ask("prepare", task="fly", inputs=str(tmp_path / "1"))
    with pytest.raises(Unable, match="no such function"):
        worker.ask("prepare", task="swim", inputs=str(tmp_path / "1"))


def test_what_breaks_is_told_and_the_worker_goes_on(worker: Process, tmp_path: Path) -> None:
    """An exception comes back as text; the next request is answered."""
    worker.ask("prepare", task="double", inputs=str(tmp_path / "1"))
    with pytest.raises(Failed, match="ValueError: it broke"):
        worker.ask("time", use="broken", least=0.0)
    assert worker.ask("time", use="", least=0.0) > 0


def test_a_participant_that_cannot_be_imported(tmp_path: Path) -> None:
    """The greeting says what is missing."""
    absent = Participant("absent", "peer", "tests.benchmarks.absent", "torch")
    with (
        Process(sys.executable, absent, 1, tmp_path / "log") as process,
        pytest.raises(Failed, match="ModuleNotFoundError"),
    ):
        process.greeting()
