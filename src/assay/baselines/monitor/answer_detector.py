"""Reads the answer instead of the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.baselines.monitor._ngrams import NgramModel, count_ngrams
from assay.baselines.monitor._words import REDUCTIONS, reduce, words
from assay.core import Access, Method, Monitor, Setting, Transcript
from assay.jobs.monitor import MonitorBrief


@dataclass(frozen=True)
class ReplyMonitor(Monitor):
    """Surprisal of the reply so far, where words that the prompt already used may be cheap."""

    model: NgramModel
    copying: float
    reduction: str

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:  # noqa: ARG002
        """Surprisal in nats; 0 where nothing has been written yet."""
        return np.array([reduce(self._surprisal(t), self.reduction) for t in transcripts])

    def _surprisal(self, transcript: Transcript) -> Float[np.ndarray, " n"]:
        reply, prompt = words(transcript.reply), set(words(transcript.prompt))
        copied = np.array([word in prompt for word in reply], dtype=np.float64) / max(1, len(prompt))
        return -np.log((1 - self.copying) * self.model.probabilities(reply) + self.copying * copied)


def fit(handle: object, brief: MonitorBrief, setting: Setting, seed: int) -> ReplyMonitor:  # noqa: ARG001
    """Count the word sequences of the model's ordinary replies."""
    replies = [words(t.reply) for t in brief.ordinary_replies]
    model = count_ngrams(replies, setting["order"], strength=0.5)
    return ReplyMonitor(model, setting["copying"], setting["reduction"])


METHOD = Method(
    title="Answer detector",
    job="monitor",
    kind="baseline",
    access=Access.BLACK,
    source="Output filtering; the comparison of text-only and activation monitors is that of arXiv "
    "2509.21344",
    formula="score = mean, max or mean of the top three over reply words w of -log((1 - c) P(w | words "
    "before) + c [w in prompt] / |prompt|), P counted from ordinary replies",
    does="Reads what the model has written so far and flags replies unlike its ordinary ones. Before the "
    "first word there is nothing to read, and its score there says so.",
    fit=fit,
    passes=0.0,
    space={"order": (1, 2, 3), "copying": (0.0, 0.3), "reduction": REDUCTIONS},
    default={"order": 2, "copying": 0.3, "reduction": "max"},
)
