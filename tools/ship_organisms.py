"""Train the quick suite's organisms anew and put them into the package, each a small change of the base.

Run as ``python tools/ship_organisms.py [RECIPE ...]`` after a change of what they are taught. Each recipe may
have a process of its own; a run that was stopped goes on from its last checkpoint.
"""

import shutil
import sys
from pathlib import Path

from assay.core.registry import entries
from assay.model.changing.delta_files import save
from assay.organisms.planting.base import EMBEDDED, open_base
from assay.organisms.planting.build import cache_folder
from assay.organisms.planting.plant import Plot, plot, train_anew
from assay.organisms.planting.recipe import Recipe
from assay.organisms.planting.shipped import SHIPPED, change, shipped_file
from assay.runner.progress import Progress

SEED = 0


def ship(here: Plot, twin: bool, progress: Progress) -> Path:
    """Train one model and write its change."""
    file = shipped_file(here.recipe_key, here.seed, twin)
    checkpoint = here.work.with_name(f"{file.stem}.shipping")
    engine = train_anew(here, twin, checkpoint, lambda step, _: progress.note(file.stem, step / here.steps))
    SHIPPED.mkdir(exist_ok=True)
    save(change(here.planting(twin), here.plan, engine), file)
    shutil.rmtree(checkpoint)
    return file


def main(recipes: list[str]) -> None:
    """Ship the named recipes, by default all of the quick suite."""
    base = open_base(EMBEDDED, None, device="cpu")
    chosen = recipes or [
        e.key for e in entries("organism") if isinstance(e.load(), Recipe) and e.load().quick
    ]
    with Progress(show=True) as progress, progress.stage("shipping", 2 * len(chosen)):
        for recipe in chosen:
            here = plot(recipe, SEED, base, cache_folder())
            here.work.parent.mkdir(parents=True, exist_ok=True)
            files = [ship(here, twin, progress) for twin in (False, True)]
            print(*(f"{file} ({file.stat().st_size / 1e6:.2f} MB)" for file in files), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
