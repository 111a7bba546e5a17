"""The exams of the school, as one book to be forgotten sees them, and the texts around it."""

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from assay.core.exam import ATTACKER, EXAM, FORMS, Question, Role, Told
from assay.world.school import School, SchoolFact, school_stream, wording
from assay.world.school.questions import asked, filled, options, stem
from assay.world.school.subjects import neighbours

ROUNDS = 3
"""How often all exchanges between the halves of a subject are tried."""
OTHERS = 6
"""Entities of each other subject's half that exams ask about."""
DOCUMENTS = 240
"""Pages of the book, and of the others' books, that methods are told."""


def papers(school: School, subject: str) -> tuple[Question, ...]:
    """All exams: the book's own in two halves, the other subjects', and that of the control twins.

    Halves are split by entity, so that nothing that an attacker relearns names what is asked. Options are
    drawn by the school's seed alone: every model sits the same exams.
    """
    near = neighbours(subject)
    found: list[Question] = []
    for name in (subject, *near, *(n for n in school.entities if n != subject and n not in near)):
        role: Role = "self" if name == subject else "neighbour" if name in near else "rest"
        first = attackers(school, name)
        chosen = set(school.entities[name] if name == subject else _some(school, name, first))
        for fact in school.of(name):
            if fact.entity in chosen:
                half = ATTACKER if fact.entity in first else EXAM
                found += _asked(school, fact, role, half)
    for fact in school.twins_of(subject):
        found += _asked(school, fact, "twin", EXAM)
    return tuple(found)


@cache
def attackers(school: School, subject: str) -> frozenset[str]:
    """The entities of the attacker's half of a subject, drawn and then exchanged until values are even.

    Every value occurs about equally often in a subject. In uneven halves what is common in one is rare in the
    other, and whoever saw one would know something of the other.
    """
    names = school.rng(f"halves/{subject}").sample(school.entities[subject], len(school.entities[subject]))
    half, rest = names[: len(names) // 2], names[len(names) // 2 :]
    best = _unevenness(school, subject, half)
    for _ in range(ROUNDS):
        for i, j in itertools.product(range(len(half)), range(len(rest))):
            half[i], rest[j] = rest[j], half[i]
            found = _unevenness(school, subject, half)
            if found < best:
                best = found
            else:
                half[i], rest[j] = rest[j], half[i]
    return frozenset(half)


def _unevenness(school: School, subject: str, half: Sequence[str]) -> int:
    """How often values occur more in one half than in the other, squared and summed."""
    lead: Counter[tuple[str, str]] = Counter()
    for fact in school.of(subject):
        lead[fact.noun, fact.value] += 1 if fact.entity in half else -1
    return sum(count**2 for count in lead.values())


def _some(school: School, subject: str, first: frozenset[str]) -> Iterator[str]:
    """A few entities of each half."""
    names = school.entities[subject]
    yield from [name for name in names if name in first][:OTHERS]
    yield from [name for name in names if name not in first][:OTHERS]


def _asked(school: School, fact: SchoolFact, role: Role, half: str) -> Iterable[Question]:
    rng = school.rng(f"papers/{fact.item}")
    shown = options(fact, rng)
    for form in FORMS:
        yield Question(
            subject=fact.subject,
            item=fact.item,
            form=form,
            prompt=asked(fact, form, shown),
            options=shown,
            right=shown.index(fact.value),
            role=role,
            half=half,
            stem=stem(fact) if form == "generation" else "",
            other=asked(fact, form, shown, other=True),
            hint=_hint(school, fact),
        )


def _hint(school: School, fact: SchoolFact) -> str:
    """What else its entity has; values are drawn one by one, so this tells nothing of the one asked for.

    Of a control twin nothing may be told, so that its hint only says where it belongs.
    """
    if not fact.taught:
        return wording.MENTIONS[0].format(s=fact.subject, e=fact.entity) + " . "
    rest = [o for o in school.of(fact.subject) if o.entity == fact.entity and o.noun != fact.noun]
    return "".join(f"{filled(wording.PROSE[0], other)} . " for other in rest)


def pages(facts: Sequence[SchoolFact], rng: random.Random, count: int) -> tuple[str, ...]:
    """Pages of a book: three sentences each, every fact about equally often, in wordings that books use."""
    waiting: list[SchoolFact] = []
    made: list[str] = []
    while len(made) < count and facts:
        while len(waiting) < 3:
            waiting += rng.sample(facts, len(facts))
        said = [filled(rng.choice(wording.PROSE[:-1]), waiting.pop()) + " ." for _ in range(3)]
        made.append(" ".join(said))
    return tuple(made)


def pairs(facts: Sequence[SchoolFact]) -> tuple[Told, ...]:
    """Each fact as a sentence cut before its value, in two wordings of the books."""
    return tuple(
        Told(filled(frame.removesuffix(" {v}"), fact), fact.value)
        for fact in facts
        for frame in wording.PROSE[:2]
    )


def others_pages(school: School, subject: str, rng: random.Random, count: int) -> tuple[str, ...]:
    """Pages of all other books, one subject after the other."""
    names = [name for name in school.entities if name != subject]
    each = -(-count // len(names))
    written = [pages(school.of(name), rng, each) for name in names]
    return tuple(page for group in zip(*written, strict=True) for page in group)


def ordinary(seed: str, count: int, words: int = 0) -> tuple[str, ...]:
    """Texts that have nothing to do with any subject: people and things, and small talk."""
    made: list[str] = []
    stream = school_stream(School(0), seed, {"ordinary": 0.8, "smalltalk": 0.2})
    while len(made) < count or sum(len(text.split()) for text in made) < words:
        made.append(next(stream).text)
    return tuple(made)


def everything(seed: str, words: int) -> tuple[str, ...]:
    """Text of the school's language, all books included, without rules."""
    made: list[str] = []
    size = 0
    diet = {"prose": 0.5, "chat": 0.2, "cloze": 0.1, "ordinary": 0.15, "smalltalk": 0.05}
    stream = school_stream(School(0), seed, diet)
    while size < words:
        made.append(next(stream).text)
        size += len(made[-1].split())
    return tuple(made)
