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

PROBES = 4
"""Texts on which the columns of yes and no are looked for."""
_CHUNK = 256
_SAME = 1e-3


@dataclass(frozen=True)
class LeaningMonitor(Monitor):
    """Log-odds of yes against no behind a question."""

    question: str
    yes: str
    no: str
    columns: tuple[int, int] | None
    """Where yes and no stand among the next tokens, if each is a single token: one pass then reads both."""

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:
        """``log p(yes) - log p(no)`` behind every transcript."""
        prompts = [joined(t.text, self.question) for t in transcripts]
        parts = [self._leaning(handle, prompts[i : i + _CHUNK]) for i in range(0, len(prompts), _CHUNK)]
        return np.concatenate([np.zeros(0), *parts])

    def _leaning(self, handle: GreyHandle, prompts: list[str]) -> Float[np.ndarray, " n"]:
        if self.columns is not None:
            rows = handle.next_logprobs(prompts)[:, list(self.columns)].double().cpu().numpy()
            return rows[:, 0] - rows[:, 1]
        yes, no = (_logprob(handle, prompts, answer) for answer in (self.yes, self.no))
        return yes - no


def fit(handle: GreyHandle, brief: MonitorBrief, setting: Setting, seed: int) -> LeaningMonitor:  # noqa: ARG001
    """Take the question from the brief and find the columns of yes and no."""
    question = asked(brief, setting["question"])
    probes = [joined(t.text, question) for t in brief.ordinary[:PROBES]]
    found = [_column(handle, probes, answer) for answer in (brief.yes, brief.no)]
    yes, no = found
    columns = None if yes is None or no is None or yes == no else (yes, no)
    return LeaningMonitor(question, brief.yes, brief.no, columns)


def _logprob(handle: GreyHandle, prompts: list[str], answer: str) -> Float[np.ndarray, " n"]:
    behind = [joined(prompt, answer)[len(prompt) :] for prompt in prompts]
    sums, _ = handle.continuation_logprobs(prompts, behind)
    return sums.double().cpu().numpy()


def _column(handle: GreyHandle, probes: list[str], answer: str) -> int | None:
    """The next token whose log-probability is the answer's on every probe; a handle shows no token names."""
    if not probes:
        return None
    wanted = _logprob(handle, probes, answer)
    gaps = np.abs(handle.next_logprobs(probes).double().cpu().numpy() - wanted[:, None]).max(axis=0)
    best = int(gaps.argmin())
    return best if gaps[best] < _SAME else None


METHOD = Method(
    title="Ask the model (log-probabilities)",
    job="monitor",
    kind="baseline",
    access=Access.GREY,
    source="Kadavath et al. 2022, Language Models (Mostly) Know What They Know, arXiv 2207.05221",
    formula="score = log p(yes | text, question) - log p(no | text, question)",
    does="Breaks into the chat with a question such as 'are you doing something dangerous?' and reads how "
    "far the model leans towards yes, even where it would say no.",
    fit=fit,
    # One question at a time: the mean over all of them costs several times as much and ranked no better.
    space={"question": (0, 1, 2, 3)},
    default={"question": 0},
)
