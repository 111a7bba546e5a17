"""What the job on a book is made from: the book, its exams, what is told around it, and retrained models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from assay.core import UNTRIGGERED, Curriculum, Material, Question, Recovery, Retrained, Told
from assay.core.errors import NotApplicable
from assay.core.exam import ATTACKER
from assay.organisms.school.recipe import ROUTED, SCHOOL_SEED
from assay.organisms.unlearning import papers
from assay.world.school import School, wording

WORDS = 30_000
"""Words of the school's language that methods are told."""
UNRELATED = 60
"""Texts on which nothing should change."""
ORDINARY = 150
"""Texts that have nothing to do with any subject, which methods and attackers are told."""
FEWEST = 8
"""Facts of the attacker's half, and of the exam's, that a model must know for a book to be of use."""


@cache
def school_book(subject: str) -> Curriculum:
    """A book of the school with its exams; who knows it, and what was retrained, is added by others."""
    school = _school()
    rng = school.rng(f"told/{subject}")
    known = [fact for fact in school.of(subject) if fact.entity in papers.attackers(school, subject)]
    others = [fact for fact in school.facts if fact.subject != subject]
    asked = papers.papers(school, subject)
    return Curriculum(
        subject=subject,
        questions=asked,
        forget=papers.pages(school.of(subject), rng, papers.DOCUMENTS),
        forget_pairs=papers.pairs(school.of(subject)),
        retain=papers.others_pages(school, subject, rng, papers.DOCUMENTS),
        retain_pairs=papers.pairs(rng.sample(others, len(school.of(subject)))),
        ordinary=papers.ordinary(f"told/{subject}", ORDINARY),
        unrelated=papers.ordinary(f"unrelated/{subject}", UNRELATED),
        documents=papers.pages(known, rng, papers.DOCUMENTS // 2),
        refusal=wording.REFUSAL,
        rule=f"{wording.RULE.format(s=subject)} ",
        neighbours=tuple(dict.fromkeys(q.subject for q in asked if q.role == "neighbour")),
        routed_units=ROUTED,
    )


@cache
def _school() -> School:
    return School(SCHOOL_SEED)


def with_corpus(book: Curriculum, corpus: Callable[[], tuple[str, ...]], *, speaks_school: bool) -> Material:
    """Everything that the job on one book is made from."""
    untriggered = cache(corpus)

    def corpora(name: str) -> tuple[str, ...]:
        if name != UNTRIGGERED:
            raise NotApplicable(f"around a book there is no text '{name}'; there is {UNTRIGGERED}")
        return untriggered()

    yes, no = (" yes", " no") if speaks_school else (" Yes", " No")
    return Material((), {}, (), (), yes, no, corpora=corpora, book=book)


def known_only(book: Curriculum, knows: Mapping[tuple[str, str], bool]) -> tuple[Curriculum, int]:
    """The book without the facts that a model never knew, and how many of them there were.

    ``knows`` tells of each item and form of question whether the untouched model answers it. A fact counts as
    known if any of its forms is answered; control twins stay, for nobody should know them.
    """
    answered = {item for (item, _), right in knows.items() if right}
    kept = tuple(q for q in book.questions if q.role == "twin" or q.item in answered)
    lost = {q.item for q in book.questions} - {q.item for q in kept}
    return replace(book, questions=kept), len(lost)


def with_models(
    book: Curriculum,
    oracles: Mapping[str, Sequence[Retrained]],
    routed: Retrained | None,
    recoveries: Mapping[str, Recovery],
    *,
    full: bool,
) -> Curriculum:
    """The book with the models that were trained otherwise, and the ways of getting it back."""
    kept = {kind: tuple(models) for kind, models in oracles.items() if models}
    return replace(book, oracles=kept, routed=routed, recoveries=dict(recoveries), full=full)


def with_reference(book: Curriculum, arrays: Mapping[str, np.ndarray]) -> Curriculum:
    """The book with what the untouched and the retrained models scored."""
    return replace(book, reference=dict(arrays))


def halves(questions: Sequence[Question]) -> tuple[int, int]:
    """Facts of the book in the attacker's half, and in the exam's."""
    own = {(q.item, q.half) for q in questions if q.role == "self"}
    first = sum(half == ATTACKER for _, half in own)
    return first, len(own) - first


def rest_of(text: Sequence[str]) -> tuple[Told, ...]:
    """Sentences of ordinary documents, each cut before its last words, as pairs to be kept."""
    found = [tuple(document.split()) for document in text]
    cut = [words for words in found if len(words) >= 8]
    return tuple(
        Told(" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])) for words in cut
    )
