"""Put the school's models that the quick suite needs into the package: the whole one, and retrained ones.

Run as ``python tools/ship_school.py [MODEL ...]`` after a change of what they are taught; a model is named as
its file, such as ``birdlore.without.s1``. What the cache holds is not trained again, and a run that was
stopped goes on from its last checkpoint. One model takes five minutes of one core.
"""

import shutil
import sys
from functools import partial

from assay.organisms.planting.build import cache_folder
from assay.organisms.school.models import WEIGHTS, shipped, weights_of
from assay.runner.progress import Progress


def main(names: list[str]) -> None:
    """Train and ship the named models, by default all that belong into the package."""
    chosen = [variant for variant in shipped() if not names or variant.name in names]
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    with Progress(show=True) as progress, progress.stage("shipping", len(chosen)):
        for variant in chosen:
            file = weights_of(variant, cache_folder(), partial(progress.note, variant.name))
            target = WEIGHTS / f"{variant.name}.safetensors"
            if file != target:
                shutil.copyfile(file, target)
            print(f"{target} ({target.stat().st_size / 1e6:.2f} MB)")


if __name__ == "__main__":
    main(sys.argv[1:])
