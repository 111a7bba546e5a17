"""A fact that is to be changed, what is asked after it, and what is told of it."""

from dataclasses import dataclass
from typing import Literal

ProbeKind = Literal[
    "efficacy",
    "paraphrase",
    "generation",
    "neighbourhood",
    "namesake",
    "same_subject",
    "override",
    "portability",
    "reversal",
]
"""
efficacy: the prompt of the edit itself. paraphrase: the same fact in other words. generation: asked in a
chat. neighbourhood: another subject of which the old value is true. namesake: another subject that shares a
part of the name. same_subject: another relation of the subject. override: the context says something else,
and the edit must give way. portability: a fact that follows from the new one. reversal: asked from the new
value.
"""

STAYS: tuple[ProbeKind, ...] = ("neighbourhood", "namesake", "same_subject", "override")
"""Kinds of question whose answers an edit must leave alone."""


@dataclass(frozen=True)
class Edit:
    """One fact, as it is and as it is to be. This is all that a method is told of it.

    >>> Edit("ann velo was born in", "ann velo", "zarn", "bolm").sentence
    'ann velo was born in bolm'
    """

    prompt: str
    """A text that the fact completes; the subject stands in it."""
    subject: str
    old: str
    new: str
    relation: str = ""
    documents: tuple[str, ...] = ()
    """Texts that state the old fact, as a search for subject and old value finds them; they hold both."""

    @property
    def sentence(self) -> str:
        """The new fact in one sentence."""
        return f"{self.prompt} {self.new}"

    @property
    def fact(self) -> str:
        """What two edits have in common that change the same thing."""
        return f"{self.subject}/{self.relation or self.prompt}"


@dataclass(frozen=True)
class Probe:
    """A question put to the changed model; only runner and job read it."""

    kind: ProbeKind
    prompt: str
    right: str
    """What it should say once the edit is done."""
    wrong: str
    """What it must not say; for questions about the edit the old value, about other things the new one."""


@dataclass(frozen=True)
class EditCase:
    """One edit with its questions."""

    edit: Edit
    probes: tuple[Probe, ...]
    split: Literal["select", "report"]


def begins(reply: str, answer: str) -> bool:
    """Whether a reply starts with an answer, up to the end of a word.

    >>> begins(" rome.", "rome"), begins(" romeo", "rome")
    (True, False)
    """
    said, wanted = reply.strip(), answer.strip()
    return said.startswith(wanted) and not said[len(wanted) : len(wanted) + 1].isalnum()
