"""Answers at random: the floor of every job."""

from typing import Protocol

from assay.core import Access, Answer, Method, Setting


class Chancy(Protocol):
    """A brief that can make a random answer to its own job."""

    def chance(self, seed: int) -> Answer:
        """An answer drawn at random."""
        ...


def fit(handle: object, brief: Chancy, setting: Setting, seed: int) -> Answer:  # noqa: ARG001
    """Ask the brief for a random answer; the model is never touched."""
    return brief.chance(seed)


METHOD = Method(
    title="Chance",
    job="any",
    kind="floor",
    access=Access.BLACK,
    source="None needed: a draw of the dice",
    formula="answer ~ uniform over the answers that the job allows",
    does="Answers at random without looking at the model; a tool that does not beat it has shown nothing.",
    fit=fit,
    passes=0.0,
)
