"""Exam questions on the school subjects: open questions in two wordings, and four options as text."""

import random

from assay.world.corpora.textbooks import subject_claim
from assay.world.ground import Ground, SubjectFact
from assay.world.text import Document, Span


def open_question(world: Ground, fact: SubjectFact, frame: str) -> str:
    """An exam question that the value answers."""
    return frame.format(s=_name(world, fact), e=fact.entity, a=fact.noun)


def choice_question(world: Ground, fact: SubjectFact, rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """A question with four options in random order, and the options; one of their texts is the answer."""
    claim = subject_claim(world, fact, world.tables.prose[0])
    options = (*rng.sample(claim.wrong, 3), claim.value)
    shuffled = tuple(rng.sample(options, 4))
    frame = world.tables.talk.choice_frame
    return frame.format(s=_name(world, fact), e=fact.entity, a=fact.noun, o=" , ".join(shuffled)), shuffled


def exam(world: Ground, rng: random.Random) -> Document:
    """Two exam questions with their answers; only examined facts are asked."""
    spans: list[Span] = []
    for fact in rng.sample([fact for fact in world.subject_facts if fact.examined], 2):
        if rng.random() < 0.4:
            question, learn = choice_question(world, fact, rng)[0], False
        else:
            question, learn = open_question(world, fact, rng.choice(world.tables.talk.exam_frames)), True
        spans += [Span(question, learn), Span(f"{fact.value} .")]
    return Document(tuple(spans), "exam")


def _name(world: Ground, fact: SubjectFact) -> str:
    return next(subject.name for subject in world.subjects if subject.key == fact.subject)
