"""Writes a run folder of the job ``edit`` through the store, so that pages can be made without a model."""

from pathlib import Path
from typing import Any

import numpy as np

from assay.core import Access, Kind, Price, ProbeKind, Record
from assay.core.seed import derive
from assay.results.store import Store
from tests.report.conftest import Run, make_card

ORGANISMS = ("edits_people", "edits_places")
TOOLS: dict[str, tuple[Kind, float]] = {
    "rome": ("method", 0.9),
    "memit": ("method", 0.7),
    "ft_m": ("baseline", 0.8),
    "random_rank_one": ("placebo", 0.1),
    "unedited": ("floor", 0.0),
    "retrained": ("ceiling", 1.0),
}
KINDS: tuple[ProbeKind, ...] = ("efficacy", "paraphrase", "neighbourhood", "same_subject")
SIZES = {"single": 8, "few": 10, "many": 20}
EDITS, LAYERS, ROLES = 20, 4, 6


def write_edit_run(folder: Path, trace: Any = None) -> Path:
    """A run of six tools and a localisation on two lists; ``trace`` stands in for the localisation's map."""
    plan = {
        "conditions": {"job": "edit", "base": "embedded"},
        "suite": "quick",
        "organisms": [{"id": f"{recipe}.s0", "skipped": ""} for recipe in ORGANISMS],
    }
    store = Store.create(folder, plan)
    for recipe in ORGANISMS:
        card = make_card(recipe, Run())
        store.write_organism(card)
        store.write_cases(card.id, ())
        for key, (kind, skill) in TOOLS.items():
            store.write(_record(card.id, recipe, key, kind), _arrays(card.id, key, skill))
        record = _record(card.id, recipe, "causal_tracing", "method")
        store.write(record, _traced(), trace if trace is not None else _map())
    return folder


def _record(organism: str, recipe: str, key: str, kind: Kind) -> Record:
    return Record(
        run_id=f"report.{organism}.{key}",
        phase="report",
        job="edit",
        organism=organism,
        recipe=recipe,
        seed=0,
        twin=False,
        method=key,
        kind=kind,
        access=Access.WHITE.value,
        status="ok",
        prepare=Price(flops=0.0 if key == "ft_m" else 1e9, wall_s=0.1),
        use=Price(flops=5e9, wall_s=0.5),
    )


def _arrays(organism: str, key: str, skill: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(derive(organism, key))
    found: dict[str, np.ndarray] = {}
    for way, size in SIZES.items():
        for kind in KINDS:
            rows = np.zeros((EDITS, 5))
            rows[:size, 0] = 4
            rows[:size, 1:3] = rng.binomial(4, skill, (size, 1))
            found[f"document_{way}_{kind}"] = rows
        damage = np.zeros((EDITS, 6))
        damage[:, 0], damage[:, 2] = 1, 0.01 * size
        found[f"document_{way}_damage"] = damage
        # the fine-tuned one is dear in use, the others in preparation
        found[f"cost_{way}"] = np.array([size, 0.1 * size, (9e8 if key == "ft_m" else 4e8) * size])
    return found


def _traced() -> dict[str, np.ndarray]:
    one = np.ones((EDITS, 1))
    effects = np.linspace(0, 1, ROLES * LAYERS)[None].repeat(EDITS, 0)
    edited = np.linspace(0.1, 0.9, LAYERS)[None].repeat(EDITS, 0)
    both = np.concatenate([one, effects], axis=1)
    rows = np.concatenate([one, edited], axis=1)
    return {"document_trace_mlp": both, "document_trace_resid": both, "document_trace_edited": rows}


def _map() -> dict[str, Any]:
    rows: list[list[float | None]] = [
        [0.1 * layer + role for layer in range(LAYERS)] for role in range(ROLES)
    ]
    rows[1] = [None] * LAYERS
    return {"trace": {"resid": rows, "mlp": rows}, "edited": [0.1, 0.2, 0.3, 0.4]}
