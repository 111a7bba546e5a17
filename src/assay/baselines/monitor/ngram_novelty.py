"""Flags text whose word sequences are new."""

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
class NoveltyMonitor(Monitor):
    """Surprisal of a transcript's text under a model of ordinary chat."""

    model: NgramModel
    reduction: str

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:  # noqa: ARG002
        """Surprisal in nats, over the words of prompt and reply so far."""
        return np.array(
            [reduce(-np.log(self.model.probabilities(words(t.text))), self.reduction) for t in transcripts]
        )


def fit(handle: object, brief: MonitorBrief, setting: Setting, seed: int) -> NoveltyMonitor:  # noqa: ARG001
    """Count the word sequences of ordinary chat, replies included; the model is never asked."""
    chat = [words(t.text) for t in brief.ordinary_replies or brief.ordinary]
    return NoveltyMonitor(count_ngrams(chat, setting["order"], setting["strength"]), setting["reduction"])


METHOD = Method(
    title="N-gram novelty of the text",
    job="monitor",
    kind="baseline",
    access=Access.BLACK,
    source="MacKay & Peto 1995, A hierarchical Dirichlet language model, Natural Language Engineering 1(3)",
    formula="score = mean, max or mean of the top three over words w of -log P(w | up to 2 words before), "
    "P_k = (count(h w) + s P_{k-1}) / (count(h) + s) from ordinary chat",
    does="Counts which words follow which in ordinary chat and flags text that holds unusual words or "
    "unusual sequences; it never looks at the model at all.",
    fit=fit,
    passes=0.0,
    space={"order": (1, 2, 3), "strength": (0.1, 1.0), "reduction": REDUCTIONS},
    default={"order": 2, "strength": 1.0, "reduction": "max"},
)
