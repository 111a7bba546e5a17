"""One benchmark from start to end: who can take part, and everybody's turns task by task."""

import os
import platform
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from assay.model.numerics import keeps_float32
from benchmarks.environments import EnvironmentMissing, pinned, python_of
from benchmarks.match import Entry, Match
from benchmarks.plan import Benchmark, Participant, Task
from benchmarks.process import Failed, Process
from benchmarks.rows import Row

Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """How a benchmark is run."""

    folder: Path
    """Environments, inputs and logs are kept here."""
    rounds: int
    threads: int
    least_s: float = 0.3
    """Shorter calls are repeated until so long has passed."""


def run(benchmark: Benchmark, tasks: Sequence[Task], settings: Settings, say: Say) -> list[Row]:
    """Measure these tasks; everybody who cannot take part has a row that says why."""
    with ExitStack() as stack:
        absent: list[Entry] = []
        there: dict[Participant, Process] = {}
        for who in benchmark.participants:
            try:
                there[who] = _started(who, settings, stack, say)
            except (EnvironmentMissing, Failed) as error:
                status = "missing" if isinstance(error, EnvironmentMissing) else "failed"
                absent.append(Entry(who, _pinned_name(who), status=status, note=str(error)))
        rows: list[Row] = []
        for task in tasks:
            say(f"{task.name}: {task.does}")
            match = Match(task, there, machine(settings), settings.least_s)
            inputs = task.inputs(settings.folder / "inputs")
            rows += match.rows(inputs, settings.rounds, [e for e in absent if e.who.kind in task.kinds], say)
        return rows


def machine(settings: Settings) -> dict[str, str]:
    """What a time depends on."""
    return {
        "processor": _processor(),
        "threads": f"{settings.threads} of {os.cpu_count()}",
        "arithmetic": "float32" + (", products through oneDNN for everybody" if keeps_float32() else ""),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _started(who: Participant, settings: Settings, stack: ExitStack, say: Say) -> Process:
    python = (
        sys.executable if who.lock is None else python_of(who.lock, settings.folder / "environments", say)
    )
    logs = settings.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    process = stack.enter_context(Process(python, who, settings.threads, logs / f"{who.name}.log"))
    process.greeting()
    process.ask("settle", threads=settings.threads, products="bf16" if keeps_float32() else "none")
    return process


def _pinned_name(who: Participant) -> str:
    """Name and version of a participant that never came."""
    pins = pinned(who.lock) if who.lock else []
    versions = (pin.partition("==")[2] for pin in pins if pin.startswith(f"{who.package}=="))
    return f"{who.package} {next(versions, '')}".strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
