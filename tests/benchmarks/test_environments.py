"""Environments: made from their lock, kept while it says the same, never taken for whole too early."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks import environments
from benchmarks.engine.benchmark import PARTICIPANTS
from benchmarks.environments import EnvironmentMissing, fingerprint, pinned, python_of


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of two packages."""
    file = tmp_path / "peer.txt"
    file.write_text("# what for\ntorch==2.13.0\n\npeer==1.0  # why\n")
    return file


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have been run; the interpreter appears as venv would make it."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
        failed = any("broken" in word for word in command)
        return subprocess.CompletedProcess(
            command, int(failed), "", "no index\nnothing found for broken==1.0\n"
        )

    monkeypatch.setattr(environments.sys, "platform", "linux")
    monkeypatch.setattr(subprocess, "run", run)
    return ran


def test_only_pins_decide(lock: Path) -> None:
    """Comments and the order of lines change nothing; a version does."""
    before = fingerprint(lock)
    assert pinned(lock) == ["torch==2.13.0", "peer==1.0"]
    lock.write_text("peer==1.0\ntorch==2.13.0\n# said otherwise\n")
    assert fingerprint(lock) == before
    lock.write_text("peer==1.1\ntorch==2.13.0\n")
    assert fingerprint(lock) != before


def test_torch_comes_first_and_alone(lock: Path, commands: list[list[str]], tmp_path: Path) -> None:
    """venv, then torch under the lock's constraints, then everything, and nothing that the lock lacks."""
    python = python_of(lock, tmp_path / "made", lambda _: None)
    assert python.is_relative_to(tmp_path / "made" / "peer")
    assert [command[-1] for command in commands] == [
        str(tmp_path / "made" / "peer"),
        "torch==2.13.0",
        str(lock),
    ]
    assert all(str(lock) in command for command in commands[1:])
    assert "--no-deps" in commands[2]


def test_it_is_made_once_for_each_lock(lock: Path, commands: list[list[str]], tmp_path: Path) -> None:
    """A second call runs nothing; a changed lock makes it anew and says so."""
    said: list[str] = []
    python_of(lock, tmp_path / "made", said.append)
    python_of(lock, tmp_path / "made", said.append)
    assert (len(commands), len(said)) == (3, 1)
    lock.write_text("torch==2.13.0\npeer==1.1\n")
    python_of(lock, tmp_path / "made", said.append)
    assert (len(commands), len(said)) == (6, 2)


def test_a_failure_is_told_and_not_kept(lock: Path, commands: list[list[str]], tmp_path: Path) -> None:
    """The last line of pip is in the error, and the next call tries again."""
    lock.write_text("torch==broken\n")
    for _ in range(2):
        with pytest.raises(EnvironmentMissing, match=r"peer: .*nothing found for broken==1\.0"):
            python_of(lock, tmp_path / "made", lambda _: None)
    assert sum("venv" in command for command in commands) == 2


@pytest.mark.parametrize("who", [who for who in PARTICIPANTS if who.lock], ids=lambda who: who.name)
def test_every_lock_pins_everything(who: Any) -> None:
    """One version of each package, torch and the peer itself among them, and nothing from a local path."""
    pins = pinned(who.lock)
    assert all(line.count("==") == 1 and " " not in line for line in pins)
    names = [line.partition("==")[0].lower() for line in pins]
    assert {"torch", "safetensors", who.package} <= set(names)
    assert len(names) == len(set(names))
    assert "torch==2.13.0" in pins
