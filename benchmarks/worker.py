"""A process in a participant's environment that does one thing at a time, as JSON lines on stdin ask it to.

Run as ``python -m benchmarks.worker MODULE PACKAGE``; the first answer holds versions. A line is ``{"do":
VERB, ...}``, its answer ``{"ok": ...}``, ``{"unable": reason}`` for a task that the participant does not
have, or ``{"failed": reason}``. Imports nothing of Assay.
"""

import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import torch
from safetensors.torch import save_file

from benchmarks.measuring import flops, matrix_peak, peak_mb
from benchmarks.work import Work

_MOST_CALLS = 1000


class Worker:
    """Holds the task that is prepared; each verb is a method."""

    def __init__(self, participant: Any) -> None:
        self._participant = participant
        self._uses: dict[str, Work] = {}
        self._last: dict[str, float] = {}

    def settle(self, threads: int, products: str) -> None:
        """Take the settings that all participants share."""
        torch.set_num_threads(threads)
        torch.backends.mkldnn.matmul.fp32_precision = products  # pyright: ignore[reportAttributeAccessIssue]

    def prepare(self, task: str, inputs: str) -> list[str]:
        """Load what the task needs; gives the ways in which this participant does it."""
        self._uses, self._last = {}, {}
        gc.collect()
        self._uses = getattr(self._participant, task)(Path(inputs))
        return list(self._uses)

    def result(self, use: str, file: str) -> None:
        """Do the task and write what is compared to a file."""
        work = self._uses[use]
        compared = work.compared(work.run())
        save_file({name: value.detach().contiguous().clone() for name, value in compared.items()}, file)

    def time(self, use: str, least: float) -> float:
        """Seconds of the whole task; short calls are repeated until ``least`` seconds have gone by.

        Such calls follow one that is not counted: after another process's turn the caches are cold.
        """
        work = self._uses[use]
        if self._last.get(use, 0.0) < least:
            work.run()
        self._last[use] = work.whole(lambda call: _seconds(call, least))
        return self._last[use]

    def peak(self, use: str) -> float | None:
        """Most memory that one call added, in MiB."""
        return peak_mb(self._uses[use].run)

    def flops(self, use: str) -> float:
        """Floating-point operations of the whole task, counted on real passes."""
        return self._uses[use].whole(flops)

    def matrix_peak(self) -> float:
        """Operations a second that products of matrices reach in this process, with its settings."""
        return matrix_peak()

    def able(self, task: str) -> str | None:
        """Why there is no such task here, or None if there is."""
        if hasattr(self._participant, task):
            return None
        return getattr(self._participant, "UNABLE", {}).get(task, "has no such function")


def _seconds(call: Callable[[], object], least: float) -> float:
    """Mean duration of as many calls as fill the time."""
    gc.collect()
    start, calls, spent = time.perf_counter(), 0, 0.0
    while calls == 0 or (spent < least and calls < _MOST_CALLS):
        out = call()
        spent, calls = time.perf_counter() - start, calls + 1
        del out
    return spent / calls


def answer(worker: Worker, line: str) -> dict[str, Any]:
    """Do what one line asks."""
    request = json.loads(line)
    verb = request.pop("do")
    if verb == "prepare" and (reason := worker.able(request["task"])):
        return {"unable": reason}
    try:
        # whoever needs gradients turns them on
        with torch.no_grad():
            return {"ok": getattr(worker, verb)(**request)}
    except Exception as error:  # a participant that breaks is a result, not a crash
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {str(error).strip()[:300]}"}


def serve(worker: Worker, lines: TextIO, out: TextIO) -> None:
    """Answer until the lines end."""
    for line in lines:
        print(json.dumps(answer(worker, line)), file=out, flush=True)


def _versions(package: str) -> dict[str, str]:
    return {name: version(name) for name in dict.fromkeys((package, "torch", "transformers"))}


def _own_channel() -> TextIO:
    """The answers' channel; whatever a library prints goes to the error stream from here on."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


if __name__ == "__main__":
    # the first line that the other side reads says whether the libraries could be imported
    replies = _own_channel()
    try:
        module = importlib.import_module(sys.argv[1])
    except Exception as error:
        traceback.print_exc()
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"}), file=replies, flush=True)
        sys.exit(1)
    print(json.dumps({"ok": _versions(sys.argv[2])}), file=replies, flush=True)
    serve(Worker(module), sys.stdin, replies)
