"""A case as its file has it."""

from dataclasses import dataclass
from typing import Literal

from assay.core.edit import Edit, Probe


@dataclass(frozen=True)
class Draft:
    """A case as its file has it; what it lacks is decided when all are read."""

    edit: Edit
    probes: tuple[Probe, ...]
    split: Literal["select", "report"] | None = None


def plain_document(prompt: str, old: str) -> tuple[str, ...]:
    """The one text that is known to state the old fact where a file names none: the prompt, answered.

    >>> plain_document("Ann was born in", "Rome")
    ('Ann was born in Rome.',)
    """
    return (f"{prompt} {old}.",)
