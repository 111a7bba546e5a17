"""Flags prompts that the model itself finds surprising."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.access import GreyHandle
from assay.baselines.monitor._words import REDUCTIONS, reduce
from assay.core import Access, Method, Monitor, Setting, Transcript
from assay.jobs.monitor import MonitorBrief
from assay.techniques.probes import SIDES, Side, sided


@dataclass(frozen=True)
class PerplexityMonitor(Monitor):
    """The model's surprisal at the prompt, read on the side that the setting names."""

    reduction: str
    side: Side
    centre: float

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:
        """Surprisal in nats per token, negated or as a distance from ordinary chat where the side says so."""
        if not transcripts:
            return np.zeros(0)
        return sided(surprisal(handle, transcripts, self.reduction), self.centre, self.side)


def surprisal(
    handle: GreyHandle, transcripts: Sequence[Transcript], reduction: str
) -> Float[np.ndarray, " n"]:
    """Surprisal of each prompt under the model: mean over its tokens, the largest, or the top three."""
    found = handle.token_logprobs([t.prompt for t in transcripts])
    return np.array([reduce(-values.double().cpu().numpy(), reduction) for values in found])


def fit(handle: GreyHandle, brief: MonitorBrief, setting: Setting, seed: int) -> PerplexityMonitor:  # noqa: ARG001
    """Measure ordinary chat, where the side needs to know what is usual."""
    centre = 0.0
    if setting["side"] == "either":
        centre = float(np.median(surprisal(handle, brief.ordinary, setting["reduction"])))
    return PerplexityMonitor(setting["reduction"], setting["side"], centre)


METHOD = Method(
    title="Prompt perplexity",
    job="monitor",
    kind="baseline",
    access=Access.GREY,
    source="Alon & Kamfonas 2023, Detecting Language Model Attacks with Perplexity, arXiv 2308.14132",
    formula="score = mean, max or mean of the top three over prompt tokens of -log p(token | tokens "
    "before); as it is, negated, or as distance from the median of ordinary chat",
    does="Flags prompts that the model finds surprising (or, if that works better on other organisms, "
    "unsurprising), as a whole or at their most surprising tokens.",
    fit=fit,
    space={"reduction": REDUCTIONS, "side": SIDES},
    default={"reduction": "mean", "side": "high"},
)
