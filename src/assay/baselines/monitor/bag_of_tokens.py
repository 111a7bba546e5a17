"""Logistic regression on the words of the text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.baselines.monitor._bag import Bag, learn_bag, with_insertions
from assay.baselines.monitor._words import words
from assay.core import Access, Method, Monitor, Setting, Transcript
from assay.core.errors import NotApplicable
from assay.jobs.monitor import MonitorBrief
from assay.techniques.probes import LinearProbe, logistic

MOST_TEXTS = 500
"""Ordinary texts used at most, so that the fit stays a matter of seconds."""


@dataclass(frozen=True, eq=False)
class BagMonitor(Monitor):
    """A linear score of the words and word pairs of a transcript's text."""

    bag: Bag
    probe: LinearProbe

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:  # noqa: ARG002
        """Log-odds that the text is of the alarming class."""
        return self.probe.scores(self.bag.rows([t.text for t in transcripts]))


def fit(handle: object, brief: MonitorBrief, setting: Setting, seed: int) -> BagMonitor:  # noqa: ARG001
    """Learn from text alone; the model is never asked."""
    source = setting["source"]
    harmless, alarming = _inserted(brief, seed) if source == "insertions" else _pairs(brief, source)
    bag = learn_bag([*harmless, *alarming])
    labels = np.repeat([False, True], [len(harmless), len(alarming)])
    probe = logistic(bag.rows([*harmless, *alarming]), labels, l2=setting["l2"], standardise=False)
    return BagMonitor(bag, probe)


def _pairs(brief: MonitorBrief, source: int | str) -> tuple[list[str], list[str]]:
    families = [pairs for pairs in brief.pairs.values() if pairs]
    if not families:
        raise NotApplicable("the brief holds no contrast pairs, so there are no labelled texts to learn from")
    chosen = families if isinstance(source, str) else [families[source % len(families)]]
    return [low.text for f in chosen for low, _ in f], [high.text for f in chosen for _, high in f]


def _inserted(brief: MonitorBrief, seed: int) -> tuple[list[str], list[str]]:
    ordinary = [t.text for t in brief.ordinary]
    if len(ordinary) > MOST_TEXTS:
        kept = np.random.default_rng(seed).choice(len(ordinary), MOST_TEXTS, replace=False)
        ordinary = [ordinary[i] for i in np.sort(kept)]
    known = [t for pairs in (*brief.pairs.values(), brief.unrelated) for pair in pairs for t in pair]
    every = [t.text for t in (*known, *brief.ordinary, *brief.ordinary_replies)]
    vocabulary = sorted({word for text in every for word in words(text)})
    return ordinary, with_insertions(ordinary, vocabulary, seed)


METHOD = Method(
    title="Bag of tokens",
    job="monitor",
    kind="baseline",
    access=Access.BLACK,
    source="Salton & Buckley 1988, Term-weighting approaches in automatic text retrieval, doi "
    "10.1016/0306-4573(88)90021-0; one-class variant after Gutmann & Hyvarinen 2010, "
    "Noise-contrastive estimation (AISTATS)",
    formula="score = w . x + b, x = tf-idf of words and word pairs (length 1) and the shares of unknown "
    "ones; w by L2 logistic regression on contrast pairs, or on ordinary chat against the same "
    "chat with random words put in",
    does="A text classifier that never looks at the model: it learns which words mark the alarming side of "
    "generic pairs, or what ordinary chat looks like once foreign words have been put into it.",
    fit=fit,
    passes=0.0,
    space={"source": (0, 1, 2, "all", "insertions"), "l2": (0.01, 0.1, 1.0)},
    default={"source": "insertions", "l2": 0.1},
)
