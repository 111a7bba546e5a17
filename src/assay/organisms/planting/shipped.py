"""Organisms that come with the package: each of their models is a small change of the embedded base."""

import hashlib
from pathlib import Path

from assay.core.seed import fingerprint
from assay.model.changing.delta_files import load_delta
from assay.model.changing.deltas import Delta, between
from assay.model.engine import Engine
from assay.model.training.train import TrainPlan
from assay.organisms.planting.base import WEIGHTS
from assay.organisms.planting.training import Planting

SHIPPED = WEIGHTS.with_name("organisms")
"""Where they lie; ``tools/ship_organisms.py`` writes them."""


def shipped_file(recipe_key: str, seed: int, twin: bool) -> Path:
    """Where one model lies if it is shipped."""
    return SHIPPED / f"{recipe_key}.s{seed}.{'twin' if twin else 'organism'}.safetensors"


def lesson(planting: Planting, plan: TrainPlan) -> str:
    """Name what a model is taught: the base, the plan, and the words of the first, second and last batch.

    Code that teaches the same gives the same name, so that what is shipped outlives a tidier way to say it.
    """
    digest = hashlib.blake2b(digest_size=16)
    batches = planting.batches()
    for step in (0, 1, plan.steps - 1):
        batch = batches(step)
        for tensor in (batch.input_ids, batch.labels):
            digest.update(tensor.numpy().tobytes())
    return fingerprint(planting.base.fingerprint, plan.steps, str(plan.lr), plan.seed, digest.hexdigest())


def shipped(file: Path, planting: Planting, plan: TrainPlan) -> Delta | None:
    """The change that training would make, if it is shipped and was taught the same; else None.

    Raises:
        BadOption: the file is damaged.
    """
    if not file.is_file():
        return None
    delta = load_delta(file)
    return delta if delta.note == lesson(planting, plan) else None


def change(planting: Planting, plan: TrainPlan, trained: Engine) -> Delta:
    """The change to ship for a model that was trained: in four bits, on which the proof is then made."""
    return between(planting.base.engine, trained, four_bits=True, note=lesson(planting, plan))
