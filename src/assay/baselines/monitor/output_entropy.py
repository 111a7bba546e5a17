"""Flags moments at which the model is unusually unsure, or unusually sure, of its next token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.access import GreyHandle
from assay.core import Access, Method, Monitor, Setting, Transcript
from assay.jobs.monitor import MonitorBrief
from assay.techniques.probes import SIDES, Side, sided


@dataclass(frozen=True)
class EntropyMonitor(Monitor):
    """Doubt about the next token, read on the side that the setting names."""

    measure: str
    side: Side
    centre: float

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:
        """Doubt, negated or as a distance from ordinary chat where the side says so."""
        if not transcripts:
            return np.zeros(0)
        return sided(doubt(handle, transcripts, self.measure), self.centre, self.side)


def doubt(handle: GreyHandle, transcripts: Sequence[Transcript], measure: str) -> Float[np.ndarray, " n"]:
    """Entropy of the next token in nats, or the negative log-probability of the likeliest token."""
    logp = handle.next_logprobs([t.text for t in transcripts]).double().cpu().numpy()
    if measure == "confidence":
        return -logp.max(axis=1)
    p = np.exp(logp)
    # A token of probability 0 adds nothing, although 0 times minus infinity is not a number.
    return -(p * np.where(p > 0, logp, 0.0)).sum(axis=1)


def fit(handle: GreyHandle, brief: MonitorBrief, setting: Setting, seed: int) -> EntropyMonitor:  # noqa: ARG001
    """Measure ordinary chat, where the side needs to know what is usual."""
    centre = 0.0
    if setting["side"] == "either":
        centre = float(np.median(doubt(handle, brief.ordinary, setting["measure"])))
    return EntropyMonitor(setting["measure"], setting["side"], centre)


METHOD = Method(
    title="Output entropy",
    job="monitor",
    kind="baseline",
    access=Access.GREY,
    source="Hendrycks & Gimpel 2016, A Baseline for Detecting Misclassified and Out-of-Distribution "
    "Examples, arXiv 1610.02136",
    formula="score = -sum_t p_t log p_t over the next token, or -log max_t p_t; as it is, negated, or as "
    "distance from the median of ordinary chat",
    does="Looks at how sure the model is of its next token; whether doubt or certainty is the alarming "
    "sign is chosen on other organisms.",
    fit=fit,
    space={"measure": ("entropy", "confidence"), "side": SIDES},
    default={"measure": "entropy", "side": "high"},
)
