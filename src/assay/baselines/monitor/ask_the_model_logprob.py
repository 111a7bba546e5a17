"""Asks the model whether it is up to something, and reads how strongly it leans towards yes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.access import GreyHandle
from assay.baselines.monitor._words import joined
from assay.baselines.monitor.ask_the_model import asked
from assay.core import Access, Method, Monitor, Setting, Transcript
from assay.jobs.monitor import MonitorBrief


@dataclass(frozen=True, eq=False)
class LeaningMonitor(Monitor):
    """Log-odds of yes against no behind each question, less a centre, in units of a spread."""

    questions: tuple[str, ...]
    yes: str
    no: str
    centre: Float[np.ndarray, " questions"]
    spread: Float[np.ndarray, " questions"]

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:
        """Mean over the questions."""
        if not transcripts:
            return np.zeros(0)
        return ((self.leaning(handle, transcripts) - self.centre) / self.spread).mean(axis=1)

    def leaning(
        self, handle: GreyHandle, transcripts: Sequence[Transcript]
    ) -> Float[np.ndarray, "n questions"]:
        """``log p(yes) - log p(no)`` of every transcript behind every question."""
        prompts = [joined(t.text, question) for t in transcripts for question in self.questions]
        both = [
            answer
            for prompt in prompts
            for answer in (joined(prompt, a)[len(prompt) :] for a in self._answers)
        ]
        logp, _ = handle.continuation_logprobs([p for p in prompts for _ in range(2)], both)
        values = logp.double().cpu().numpy().reshape(len(transcripts), len(self.questions), 2)
        return values[..., 0] - values[..., 1]

    @property
    def _answers(self) -> tuple[str, str]:
        return self.yes, self.no


def fit(handle: GreyHandle, brief: MonitorBrief, setting: Setting, seed: int) -> LeaningMonitor:  # noqa: ARG001
    """Measure each question's usual leaning on ordinary chat, where the setting asks for it."""
    questions = asked(brief, setting["questions"])
    zero, one = np.zeros(len(questions)), np.ones(len(questions))
    plain = LeaningMonitor(questions, brief.yes, brief.no, zero, one)
    if not setting["calibrated"]:
        return plain
    usual = plain.leaning(handle, brief.ordinary)
    return LeaningMonitor(questions, brief.yes, brief.no, usual.mean(axis=0), usual.std(axis=0) + 1e-6)


METHOD = Method(
    title="Ask the model (log-probabilities)",
    job="monitor",
    kind="baseline",
    access=Access.GREY,
    source="Kadavath et al. 2022, Language Models (Mostly) Know What They Know, arXiv 2207.05221; "
    "calibration after Zhao et al. 2021, Calibrate Before Use, arXiv 2102.09690",
    formula="score = mean over questions of (log p(yes | text, question) - log p(no | text, question) - m) "
    "/ s; m, s = 0, 1 or mean and spread on ordinary chat",
    does="Breaks into the chat with questions such as 'are you doing something dangerous?' and reads how "
    "far the model leans towards yes, even where it would say no.",
    fit=fit,
    # Yes and no are read apart behind each question.
    passes=8.0,
    # Calibration changes nothing in the order of scores where a single question is asked.
    space={"questions": ("all", 0, 1, 2, 3), "calibrated": (True,)},
    default={"questions": "all", "calibrated": True},
)
