"""Each peer's own environment: made once from a committed lock, again when the lock changes."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from assay.core.errors import AssayError

FOLDER = Path(__file__).parents[1] / ".benchmarks"
"""Ignored by git; may be removed at any time."""
_STAMP = "made-from"


class EnvironmentMissing(AssayError):
    """A peer's environment could not be made; the peer is reported as missing."""


def python_of(lock: Path, folder: Path, say: Callable[[str], None]) -> Path:
    """The interpreter of the environment that a lock describes; makes it where it is not there yet.

    A lock is what ``pip freeze`` says, one pinned package a line. An environment counts as made once its
    stamp holds the lock's fingerprint, so one that was interrupted is made anew.

    Raises:
        EnvironmentMissing: pip or venv failed; holds the end of what they said.
    """
    home = folder / lock.stem
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp, wanted = home / _STAMP, fingerprint(lock)
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted and python.exists():
        return python
    pins = pinned(lock)
    say(f"setting up {lock.stem}: {len(pins)} packages into {home}")
    shutil.rmtree(home, ignore_errors=True)
    _run(lock, [sys.executable, "-m", "venv", str(home)])
    install = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(lock)]
    # first and alone: what else is installed must not choose another torch
    _run(lock, [*install, *(pin for pin in pins if pin.startswith("torch=="))])
    # a lock holds all that is needed, and what a package asks for besides may not fit together
    _run(lock, [*install, "--no-deps", "--requirement", str(lock)])
    stamp.write_text(wanted, encoding="ascii")
    return python


def fingerprint(lock: Path) -> str:
    """What decides an environment: the pins of its lock, whatever their order, and the Python version."""
    what = [f"{sys.version_info.major}.{sys.version_info.minor}", *sorted(pinned(lock))]
    return hashlib.sha256("\n".join(what).encode()).hexdigest()


def pinned(lock: Path) -> list[str]:
    """The packages of a lock; comments and empty lines are left out."""
    lines = (line.partition("#")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def _run(lock: Path, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise EnvironmentMissing(f"{lock.stem}: {command[0]} cannot be started ({error})") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["nothing was said"]
        raise EnvironmentMissing(
            f"{lock.stem}: the environment could not be made ({said[0]}); check the package index and "
            f"{lock.name}"
        )
