"""A job: what an engineer would hire a tool to do, and how the work is judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.answer import Answer
from assay.core.transcript import Case


@dataclass(frozen=True)
class Material:
    """What a job is made from: an organism's cases, and texts of its language that give nothing away."""

    cases: tuple[Case, ...]
    pairs: Mapping[str, tuple[tuple[str, str], ...]]
    """Families of generic contrast pairs: (harmless text, alarming text)."""
    unrelated: tuple[tuple[str, str], ...]
    """Contrast pairs on topics that have nothing to do with danger."""
    questions: tuple[str, ...]
    """Texts to put after a transcript to ask the model about itself; the model answers yes or no."""
    yes: str
    no: str


@dataclass(frozen=True)
class Job:
    """One job. The name of its file is its key; the runner calls the functions in the order of the fields."""

    title: str
    question: str
    """What the job asks of a tool, in one sentence."""
    brief: Callable[[Material], Any]
    """What every method is told."""
    truth: Callable[[Any, Material], Any]
    """The brief with the truth added, for floors, ceilings and placebos that declare ``sees_truth``."""
    evaluate: Callable[[Answer, Any, Sequence[Case], bool], Mapping[str, np.ndarray]]
    """``evaluate(answer, handle, cases, twin)``: arrays to store, one number per case of a split."""
    select: Callable[[Answer, Any, Sequence[Case]], float]
    """The number that settings are chosen by, on the select split only; higher is better."""
    calibrate: Callable[[Answer, Any, Sequence[Case]], Mapping[str, np.ndarray]]
    """Arrays on the select split, stored so that other organisms' probabilities can be fitted from them."""
