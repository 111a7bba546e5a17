"""All that a family of facts knows of one edit, before the questions are drawn from it."""

from collections.abc import Container
from dataclasses import dataclass

from assay.core.edit import Probe


@dataclass(frozen=True)
class Known:
    """A fact that the World states, with the words that ask for it.

    >>> Known("ann velo/pet", "ann velo", "cat", ("cat", "dog"), "ann velo keeps a").subject
    'ann velo'
    """

    item: str
    subject: str
    value: str
    values: tuple[str, ...]
    """All values of its kind."""
    prompt: str


@dataclass(frozen=True)
class Sheet:
    """The wordings of one edit, and the facts around it."""

    prompt: str
    documents: tuple[str, ...]
    paraphrases: tuple[str, ...]
    generation: str
    reversal: str
    """What follows the new value where the subject is asked for."""
    peers: tuple[Known, ...]
    """The same relation of other subjects."""
    others: tuple[Known, ...]
    """Other relations of the subject."""
    extra: tuple[Probe, ...] = ()
    """Questions that only this family has."""


def prefix(template: str, **words: str) -> str:
    """A template filled in and cut before its value.

    >>> prefix("{p} was born in {v}", p="ann velo")
    'ann velo was born in'
    """
    return template.removesuffix(" {v}").format(**words)


def settled(known: tuple[Known, ...], changed: Container[str]) -> tuple[Known, ...]:
    """The facts that no edit changes."""
    return tuple(one for one in known if one.item not in changed)
