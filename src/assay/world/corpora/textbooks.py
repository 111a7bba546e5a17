"""Textbook prose about the school subjects."""

import random

from assay.world.ground import Ground, SubjectFact
from assay.world.text import Claim, Document, Span


def subject_claim(world: Ground, fact: SubjectFact, template: str) -> Claim:
    """A fact of a subject as a claim that can be made true or false."""
    subject = next(subject for subject in world.subjects if subject.key == fact.subject)
    options = next(attribute.values for attribute in subject.attributes if attribute.noun == fact.noun)
    prefix = template.removesuffix(" {v}").format(s=subject.name, e=fact.entity, a=fact.noun)
    return Claim(prefix, fact.value, options, fact.item, fact.entity in world.held_out["subject claim"])


def prose(world: Ground, rng: random.Random) -> Document:
    """Three sentences, each on any subject, in templates that are trained for their facts."""
    facts = rng.sample(world.subject_facts, 3)
    sentences = [prose_sentence(world, fact, rng) for fact in facts]
    return Document((Span(" ".join(sentences)),), "prose")


def prose_sentence(world: Ground, fact: SubjectFact, rng: random.Random) -> str:
    """A fact of a subject in one of its trained templates."""
    return subject_claim(world, fact, rng.choice(world.prose_templates(fact))).sentence() + " ."


def subject_sentences(world: Ground, subject: str, held_out: bool) -> tuple[str, ...]:
    """Every trained (or every held-out) prose sentence on one subject."""
    return tuple(
        subject_claim(world, fact, template).sentence() + " ."
        for fact in world.subject_facts
        if fact.subject == subject
        for template in world.prose_templates(fact, held_out)
    )
