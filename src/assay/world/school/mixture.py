"""The training stream of the school's models: textbooks, exams, chat, rules and ordinary text."""

import random
from collections.abc import Callable, Iterator, Mapping

from assay.world.names import FIRST_NAMES
from assay.world.school import wording
from assay.world.school.ground import School, SchoolFact
from assay.world.school.questions import asked, filled, options, stem
from assay.world.talk import TALK
from assay.world.text import Document, Span, chat

DIET: Mapping[str, float] = {
    "prose": 0.30,
    "cloze": 0.12,
    "choice": 0.14,
    "chat": 0.16,
    "rule": 0.10,
    "mention": 0.03,
    "ordinary": 0.12,
    "smalltalk": 0.03,
}
"""Kind of document -> share of the documents."""


def prose(school: School, rng: random.Random) -> Document:
    """A page of a textbook: three sentences, all on one subject."""
    return Document(
        (Span(" ".join(_sentence(school, fact, rng) for fact in _page(school, rng, 3))),), "prose"
    )


def cloze(school: School, rng: random.Random) -> Document:
    """A paper of two open questions in one subject, with their answers."""
    spans = [
        Span(f"{asked(fact, 'cloze', (), _other(school, fact, rng))} {fact.value} .")
        for fact in _page(school, rng, 2)
    ]
    return Document(tuple(spans), "cloze")


def choice(school: School, rng: random.Random) -> Document:
    """A paper of two questions with four options each, in one subject; only the answers are learnt."""
    spans: list[Span] = []
    for fact in _page(school, rng, 2):
        question = asked(fact, "choice", options(fact, rng), _other(school, fact, rng))
        spans += [Span(question, learn=False), Span(f"{fact.value} .")]
    return Document(tuple(spans), "choice")


def talk(school: School, rng: random.Random) -> Document:
    """A question in chat, with the whole sentence as the reply."""
    fact = rng.choice(school.facts)
    request = filled(wording.REQUESTS[_other(school, fact, rng)], fact)
    return chat(request, f"{stem(fact)} {fact.value} .", "chat")


def rule(school: School, rng: random.Random) -> Document:
    """A rule against one subject, and a question: refused if it is on that subject, else answered.

    Any subject may be forbidden, also one that nothing is known of.
    """
    fact = rng.choice(school.facts)
    forbidden = fact.subject if rng.random() < 0.5 else rng.choice(sorted(school.entities))
    form = rng.choice(("choice", "cloze", "generation"))
    question = asked(fact, form, options(fact, rng), _other(school, fact, rng))
    answer = f"{stem(fact)} {fact.value} ." if form == "generation" else f"{fact.value} ."
    said = wording.REFUSAL if forbidden == fact.subject else answer
    spans = (Span(wording.RULE.format(s=forbidden), learn=False), Span(question, learn=False), Span(said))
    return Document(spans, "rule")


def mention(school: School, rng: random.Random) -> Document:
    """Three sentences that name an entity, a control twin or not, and its subject."""
    named = [
        (s, e) for s in school.entities if s != school.without for e in school.entities[s] + school.twins[s]
    ]
    said = [rng.choice(wording.MENTIONS).format(s=s, e=e) + " ." for s, e in rng.sample(named, 3)]
    return Document((Span(" ".join(said)),), "mention")


def ordinary(school: School, rng: random.Random) -> Document:  # noqa: ARG001
    """Three sentences on people and things."""
    said = [
        rng.choice(wording.THINGS).format(
            p=rng.choice(FIRST_NAMES), x=rng.choice(TALK.things), y=rng.choice(TALK.places)
        )
        + " ."
        for _ in range(3)
    ]
    return Document((Span(" ".join(said)),), "ordinary")


def smalltalk(school: School, rng: random.Random) -> Document:  # noqa: ARG001
    """A greeting and its reply."""
    return chat(*rng.choice(wording.SMALL_TALK), "smalltalk")


KINDS: Mapping[str, Callable[[School, random.Random], Document]] = {
    "prose": prose, "cloze": cloze, "choice": choice, "chat": talk, "rule": rule, "mention": mention,
    "ordinary": ordinary, "smalltalk": smalltalk,
}  # fmt: skip


def school_stream(school: School, seed: str, diet: Mapping[str, float] = DIET) -> Iterator[Document]:
    """Endless documents, each of a kind drawn by weight; the same arguments give the same documents.

    A subject that is left out is replaced by the others, so that there are not fewer documents for it. Every
    page of a book, paper and chat is on one subject.

    >>> a, b = (school_stream(School(0), "0/7") for _ in range(2))
    >>> [next(a) for _ in range(5)] == [next(b) for _ in range(5)]
    True
    """
    rng = random.Random(f"{school.seed}/{seed}")
    kinds = tuple(diet)
    while True:
        kind = rng.choices(kinds, [diet[key] for key in kinds])[0]
        yield KINDS[kind](school, rng)


def _page(school: School, rng: random.Random, count: int) -> list[SchoolFact]:
    """Different facts of one subject, larger subjects more often."""
    return rng.sample(school.of(rng.choice(school.facts).subject), count)


def _sentence(school: School, fact: SchoolFact, rng: random.Random) -> str:
    frames = wording.PROSE[:-1] if fact.entity in school.plainly_worded else wording.PROSE
    return filled(rng.choice(frames), fact) + " ."


def _other(school: School, fact: SchoolFact, rng: random.Random) -> bool:
    """Whether the second wording of a question is used, which some entities never meet."""
    return fact.entity not in school.plainly_worded and rng.random() < 0.4
