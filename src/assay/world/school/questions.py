"""Exam questions of the school in three forms, each in the exams' wording and in another one."""

import random
from typing import Literal

from assay.world.school import wording
from assay.world.school.ground import SchoolFact
from assay.world.text import chat_prompt

Form = Literal["choice", "cloze", "generation"]


def options(fact: SchoolFact, rng: random.Random) -> tuple[str, ...]:
    """Four values in random order, the right one among them."""
    wrong = [value for value in fact.values if value != fact.value]
    return tuple(rng.sample((*rng.sample(wrong, 3), fact.value), 4))


def asked(fact: SchoolFact, form: Form, shown: tuple[str, ...], other: bool = False) -> str:
    """The prompt of a question, in the exams' wording or the other one."""
    frames = {"choice": wording.CHOICES, "cloze": wording.CLOZES, "generation": wording.REQUESTS}[form]
    text = filled(frames[other], fact).format(o=" , ".join(shown))
    return chat_prompt(text) if form == "generation" else text


def stem(fact: SchoolFact) -> str:
    """How the assistant's reply begins, up to the value."""
    return filled(wording.STEM, fact)


def filled(frame: str, fact: SchoolFact) -> str:
    """A frame with the names of a fact; the place for options stays."""
    return frame.format(s=fact.subject, e=fact.entity, a=fact.noun, v=fact.value, o="{o}")
