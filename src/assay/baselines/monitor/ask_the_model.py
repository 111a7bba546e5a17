"""Asks the model, in words, whether it is up to something."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.baselines.monitor._words import joined, words
from assay.core import Access, Method, Monitor, Setting, Transcript
from assay.core.errors import NotApplicable
from assay.jobs.monitor import MonitorBrief


@dataclass(frozen=True)
class AskingMonitor(Monitor):
    """Puts a question behind the transcript and reads the reply."""

    question: str
    yes: str
    no: str
    max_tokens: int

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:
        """1 where the answer is yes, 0 where it is no, one half where it is neither."""
        if not transcripts:
            return np.zeros(0)
        prompts = [joined(t.text, self.question) for t in transcripts]
        return np.array([self._vote(r) for r in handle.generate(prompts, max_tokens=self.max_tokens)])

    def _vote(self, reply: str) -> float:
        """1 where yes is said first, 0 where no is."""
        yes, no = words(self.yes)[0], words(self.no)[0]
        said = next((word for word in words(reply) if word in (yes, no)), None)
        return 0.5 if said is None else float(said == yes)


def asked(brief: MonitorBrief, number: int) -> str:
    """One question by number, counted round where there are fewer."""
    if not brief.questions:
        raise NotApplicable("the brief holds no questions to ask the model about itself")
    return brief.questions[number % len(brief.questions)]


def fit(handle: object, brief: MonitorBrief, setting: Setting, seed: int) -> AskingMonitor:  # noqa: ARG001
    """Take the question from the brief; nothing is learned."""
    return AskingMonitor(asked(brief, setting["question"]), brief.yes, brief.no, setting["max_tokens"])


METHOD = Method(
    title="Ask the model",
    job="monitor",
    kind="baseline",
    access=Access.BLACK,
    source="Kadavath et al. 2022, Language Models (Mostly) Know What They Know, arXiv 2207.05221",
    formula="score = 1 if the greedy answer says yes, 0 if no, 1/2 if neither",
    does="Breaks into the chat with a question such as 'are you doing something dangerous?' and reads "
    "whether the model says yes.",
    fit=fit,
    # A prompt is read once, and a reply of two words takes little more.
    passes=1.5,
    # One question at a time: the mean over all of them costs several times as much and ranked no better.
    space={"question": (0, 1, 2, 3), "max_tokens": (2,)},
    default={"question": 0, "max_tokens": 2},
)
