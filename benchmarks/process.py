"""A participant's process as seen from here."""

import json
import os
import subprocess
from pathlib import Path
from typing import IO, Any, final

from assay.core.errors import AssayError
from benchmarks.plan import Participant

ROOT = Path(__file__).parents[1]
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Unable(AssayError):
    """The participant has no way to do the task; its text says why."""


class Failed(AssayError):
    """The participant broke; its text is what it said."""


@final
class Process:
    """Starts a worker, asks it, and ends it with the ``with`` block."""

    def __init__(self, python: Path | str, who: Participant, threads: int, log: Path) -> None:
        """Start the worker; one without a lock sees what this process can import, and no peer does."""
        seen = [] if who.lock else os.environ.get("PYTHONPATH", "").split(os.pathsep)
        environment = {
            **os.environ,
            **dict.fromkeys(_THREADS, str(threads)),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, seen)]),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        command = [str(python), "-m", "benchmarks.worker", who.module, who.package]
        self._log = log.open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
        )
        self.versions: dict[str, str] = {}

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def greeting(self) -> None:
        """Wait until its libraries are imported; raises Failed where they cannot be."""
        self.versions = self._answer()

    def ask(self, do: str, **what: Any) -> Any:
        """Have one thing done; raises Unable or Failed."""
        stdin, _ = self._pipes()
        try:
            stdin.write(json.dumps({"do": do, **what}) + "\n")
            stdin.flush()
        except BrokenPipeError as error:
            raise self._died() from error
        return self._answer()

    def end(self) -> None:
        """Let it finish; it ends when nobody asks any more."""
        stdin, stdout = self._pipes()
        try:
            stdin.close()
            self._process.wait(timeout=30)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()
        stdout.close()
        self._log.close()

    def _answer(self) -> Any:
        _, stdout = self._pipes()
        line = stdout.readline()
        if not line:
            raise self._died()
        reply = json.loads(line)
        if "unable" in reply:
            raise Unable(reply["unable"])
        if "failed" in reply:
            raise Failed(reply["failed"])
        return reply["ok"]

    def _died(self) -> Failed:
        return Failed(f"the process ended ({self._process.poll()}); {self._log.name} has what it said")

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise Failed("the process has no pipes")
        return stdin, stdout
