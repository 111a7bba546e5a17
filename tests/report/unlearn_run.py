"""Writes a run folder of the job ``unlearn`` through the store, so that pages can be made without a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from assay.core import Access, Fault, Kind, OrganismCard, Price, Record
from assay.core.exam import FORMS, ROLES
from assay.core.seed import derive
from assay.report.visible import file_stem
from assay.results.store import Store
from tests.report.conftest import Run, make_card

SUBJECTS = ("birdlore", "gemcraft", "gearcraft", "herblore", "skylore", "shipcraft", "weaving")
STRENGTH = {"none": 0.0, "few_shot": 0.2, "relearn": 0.9, "int4": 0.1, "latent_attack": 0.5}
"""How much of what was forgotten a recovery brings back where it works."""
OTHER = 0.3
"""The same of all other recoveries."""
STEPS = (0, 5, 20, 40)
FACTS = 8
"""Facts that each exam asks for."""


@dataclass(frozen=True)
class Tool:
    """How much of the book a made-up method takes, how firmly, and what it leaves of all else."""

    kind: Kind
    forgets: float
    holds: float
    """1: no recovery brings anything back; 0: each brings back what it can."""
    keeps: float
    flops: float = 3e11


TOOLS: Mapping[str, Tool] = {
    "rmu": Tool("method", 0.95, 0.1, 0.97),
    "undo": Tool("method", 0.9, 0.75, 0.8, 9e12),
    "npo": Tool("method", 0.98, 0.3, 0.9),
    "fine_tuning_on_rest": Tool("baseline", 0.3, 0.15, 0.85),
    "refusal_prompt": Tool("baseline", 0.5, 0.0, 0.99, 2e9),
    "weight_noise": Tool("placebo", 0.15, 0.2, 0.7),
    "untouched": Tool("floor", 0.0, 0.0, 1.0, 0.0),
    "retrained_without": Tool("ceiling", 1.0, 0.95, 0.98, 2e14),
}
BROKEN = "undo"
"""The tool that failed on the last book, and that ``LOST`` finds no hold on."""
LOST = "latent_attack"


@dataclass(frozen=True)
class School:
    """What to write."""

    books: tuple[str, ...] = SUBJECTS[:2]
    subjects: tuple[str, ...] = SUBJECTS
    recoveries: tuple[str, ...] = tuple(STRENGTH)
    tools: Mapping[str, Tool] = field(default_factory=lambda: TOOLS)
    said: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {})
    """What the plan says of recoveries."""
    details: Mapping[str, str] = field(default_factory=lambda: {})
    """What cards say beside the names of the exams."""
    seeds: int = 1
    """Organisms on each book."""
    error: str = "out of memory"


def write_unlearn_run(folder: Path, school: School | None = None) -> Path:
    """A run of the tools on each book."""
    school = school or School()
    cards = [_card(book, seed, school) for book in school.books for seed in range(school.seeds)]
    plan: dict[str, Any] = {
        "conditions": {"job": "unlearn", "base": "embedded"},
        "suite": "quick",
        "organisms": [{"id": card.id, "skipped": ""} for card in cards],
        "recoveries": {key: dict(said) for key, said in school.said.items()},
    }
    store = Store.create(folder, plan)
    for card in cards:
        store.write_organism(card)
        store.write_cases(card.id, ())
        for key, tool in school.tools.items():
            failed = key == BROKEN and card is cards[-1]
            record = _record(card, key, tool, school.error if failed else "")
            store.write(record, None if failed else _arrays(card, key, tool, school))
    return folder


def _card(book: str, seed: int, school: School) -> OrganismCard:
    others = [subject for subject in school.subjects if subject != book]
    details = {"book": book, "exams": ", ".join([book, *others]), "neighbours": ", ".join(others[:2])}
    fault = Fault("book", f"it is asked about {book}", "answers", {**details, **school.details})
    return replace(make_card(f"book_{file_stem(book)}", Run()), seed=seed, fault=fault)


def _record(card: OrganismCard, key: str, tool: Tool, error: str) -> Record:
    return Record(
        run_id=f"report.{card.id}.{file_stem(key)}",
        phase="report",
        job="unlearn",
        organism=card.id,
        recipe=card.recipe,
        seed=card.seed,
        twin=False,
        method=key,
        kind=tool.kind,
        access=Access.BLACK.value if tool.kind == "baseline" else Access.WHITE.value,
        status="failed" if error else "ok",
        prepare=Price(flops=tool.flops, wall_s=4.0),
        use=Price(flops=tool.flops / 100, wall_s=0.5),
        error=error,
    )


def _arrays(card: OrganismCard, key: str, tool: Tool, school: School) -> dict[str, np.ndarray]:
    """What the job stores: roles and exams of the facts, and marks after each recovery."""
    rng = np.random.default_rng(derive(card.id, key))
    exams = np.repeat(np.eye(len(school.subjects) + 1), FACTS, axis=0)
    roles = np.zeros((len(exams), len(ROLES)))
    for exam, role in enumerate(["self", "neighbour", "neighbour"] + ["rest"] * (len(school.subjects) - 3)):
        roles[exams[:, exam] == 1, ROLES.index(role)] = 1
    twin = exams[:, -1] == 1
    roles[twin, ROLES.index("twin")] = 1

    def credit(own: float, keeps: float) -> np.ndarray:
        """Credit of each fact: chance, and as much of the rest as is known."""
        known = roles @ np.array([own, keeps - 0.1, keeps, 0.0])
        return rng.random(len(exams)) < 0.25 + 0.75 * np.clip(known, 0, 1)

    def marks(own: float, keeps: float) -> np.ndarray:
        right = credit(own, keeps)
        return np.stack([np.ones(len(exams)), right, right, np.full(len(exams), 0.25)], axis=1).astype(float)

    def left(strength: float) -> float:
        return 1 - tool.forgets * (1 - strength * (1 - tool.holds))

    recoveries = [r for r in school.recoveries if (key, r) != (BROKEN, LOST)]
    found = {"roles": roles, "subjects": exams[:, :-1], "damage": np.ones((len(exams), 2)) * 0.05}
    found["relearn_course"] = np.stack(
        [np.ones(len(exams)), *(credit(left(0.9 * x / STEPS[-1]), tool.keeps) for x in STEPS)], axis=1
    ).astype(float)
    for form in FORMS:
        found[f"untouched_none_{form}"] = marks(1.0, 1.0)
        for r in recoveries:
            found[f"{r}_{form}"] = marks(left(STRENGTH.get(r, OTHER)), tool.keeps)
            found[f"oracle_{r}_{form}"] = marks(0.05, 1.0)
    course = {"course_relearn": np.array(STEPS, dtype=float)}
    return {f"document_{name}": values for name, values in found.items()} | course
