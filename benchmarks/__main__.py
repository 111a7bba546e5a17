"""``python -m benchmarks NAME``: run one benchmark and print, keep and export what it found."""

import argparse
import importlib
import os
import sys
from pathlib import Path

from rich.console import Console

from assay.core.errors import AssayError, BadOption
from benchmarks.environments import FOLDER
from benchmarks.plan import Benchmark, Task
from benchmarks.rows import verdict
from benchmarks.running import Settings, run
from benchmarks.table import markdown, show, write_json

NAMES = ("engine", "dictionaries")
_FEWEST_ROUNDS = 5
"""A median of fewer is not shown in the docs."""


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 if everything was measured, whether or not a target was met."""
    options = _parser().parse_args(arguments)
    console, progress = Console(), Console(stderr=True)
    try:
        benchmark = importlib.import_module(f"benchmarks.{options.name}.benchmark").benchmark(options.sample)
        chosen = _chosen(benchmark, options.case)
        settings = Settings(options.folder, options.rounds, options.threads)
        rows = run(benchmark, chosen, settings, lambda text: progress.print(text, style="dim", markup=False))
    except AssayError as error:
        progress.print(str(error), style="red", markup=False)
        return 2
    done = {task.name for task in chosen}
    verdicts = [verdict(target, rows) for target in benchmark.targets if target.task in done]
    show(rows, verdicts, console)
    if options.json:
        write_json(rows, options.json)
    if not options.case and options.rounds >= _FEWEST_ROUNDS:
        page = markdown(rows, verdicts, f"Benchmark: {benchmark.name}")
        (benchmark.folder / "RESULTS.md").write_text(page, encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as a JSON list")
    parser.add_argument(
        "--case", action="append", metavar="CASE", help="only this case; the docs stay as they are"
    )
    parser.add_argument("--rounds", type=int, default=7, help="turns of everybody (default 7)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of everybody (default all)")
    parser.add_argument("--sample", metavar="LAYERS:POSITIONS", help="patches of the sweep that are done")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of environments, inputs and logs")
    return parser


def _chosen(benchmark: Benchmark, cases: list[str] | None) -> list[Task]:
    known = dict.fromkeys(task.case for task in benchmark.tasks)
    for case in cases or []:
        if case not in known:
            raise BadOption(f"no case '{case}'; give one of {', '.join(known)}")
    return [task for task in benchmark.tasks if not cases or task.case in cases]


if __name__ == "__main__":
    sys.exit(main())
