"""Looks the truth up: the ceiling of every job."""

from typing import Protocol

from assay.core import Access, Answer, Method, Setting


class Truthful(Protocol):
    """A brief that carries the truth of its own job."""

    def oracle(self) -> Answer:
        """The right answer."""
        ...


def fit(handle: object, brief: Truthful, setting: Setting, seed: int) -> Answer:  # noqa: ARG001
    """Ask the brief for the right answer; the model is never touched."""
    return brief.oracle()


METHOD = Method(
    title="Oracle",
    job="any",
    kind="ceiling",
    access=Access.BLACK,
    source="None needed: the planted truth",
    formula="answer = truth",
    does="Answers with the planted truth; no tool can do better, and where it falls short of a perfect "
    "score the job itself sets the limit.",
    fit=fit,
    passes=0.0,
    sees_truth=True,
)
