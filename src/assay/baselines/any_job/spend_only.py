"""Pays to be there and learns nothing: the floor of every price."""

from collections.abc import Sequence
from typing import Protocol

from assay.access import BlackHandle
from assay.core import Access, Answer, Method, Setting, Transcript


class Readable(Protocol):
    """A brief with ordinary chat to read and a random answer to fall back on."""

    @property
    def ordinary(self) -> Sequence[Transcript]:
        """Ordinary chat."""
        ...

    def chance(self, seed: int) -> Answer:
        """An answer drawn at random."""
        ...


def fit(handle: BlackHandle, brief: Readable, setting: Setting, seed: int) -> Answer:  # noqa: ARG001
    """Send every ordinary transcript once, throw the reply away, and answer without having looked."""
    handle.generate([t.text for t in brief.ordinary], max_tokens=1)
    return brief.chance(seed)


METHOD = Method(
    title="Spend only",
    job="any",
    kind="floor",
    access=Access.BLACK,
    source="None needed: after the run-time baseline of the sbibm benchmark (arXiv 2101.04653)",
    formula="cost = one token written per ordinary text; answer ~ uniform over the answers that the job "
    "allows",
    does="Reads all ordinary chat with the cheapest call there is and then ignores it: the price of merely "
    "being there, which the price of any tool that reads the chat includes.",
    fit=fit,
)
