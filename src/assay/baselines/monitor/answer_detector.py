"""Reads the answer instead of the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.baselines.monitor._ngrams import NgramModel, count_ngrams
from assay.baselines.monitor._words import reduce, words
from assay.core import Access, Method, Monitor, Setting, Transcript
from assay.jobs.monitor import MonitorBrief

COPYING = 0.3
"""Share of reply words expected to be taken from the prompt."""


@dataclass(frozen=True)
class ReplyMonitor(Monitor):
    """Surprisal of the reply so far, where words that the prompt already used may be cheap."""

    model: NgramModel

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:  # noqa: ARG002
        """Surprisal in nats; 0 where nothing has been written yet."""
        return np.array([reduce(self._surprisal(t), "mean") for t in transcripts])

    def _surprisal(self, transcript: Transcript) -> Float[np.ndarray, " n"]:
        reply, prompt = words(transcript.reply), set(words(transcript.prompt))
        copied = np.array([word in prompt for word in reply], dtype=np.float64) / max(1, len(prompt))
        return -np.log((1 - COPYING) * self.model.probabilities(reply) + COPYING * copied)


def fit(handle: object, brief: MonitorBrief, setting: Setting, seed: int) -> ReplyMonitor:  # noqa: ARG001
    """Count the word sequences of the model's ordinary replies."""
    replies = [words(t.reply) for t in brief.ordinary_replies]
    model = count_ngrams(replies, setting["order"], strength=0.5)
    return ReplyMonitor(model)


METHOD = Method(
    title="Answer detector",
    job="monitor",
    kind="baseline",
    access=Access.BLACK,
    source="Output filtering; the comparison of text-only and activation monitors is that of arXiv "
    "2509.21344",
    formula="score = mean over reply words w of -log(.7 P(w | words before) + .3 [w in prompt] / |prompt|); "
    "P counted from ordinary replies",
    does="Reads what the model has written so far and flags replies unlike its ordinary ones. Before the "
    "first word there is nothing to read, and its score there says so.",
    fit=fit,
    passes=0.0,
    # Settings are chosen before the onset, where this baseline has little to be chosen by: whatever can be
    # fixed to a value that reads whole replies well is fixed, so that the choice cannot weaken it.
    space={"order": (1, 2, 3)},
    default={"order": 3},
)
