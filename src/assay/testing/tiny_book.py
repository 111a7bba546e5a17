"""A book for the tiny model to forget: who lives where; who keeps what is to stay."""

import itertools
import random
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from assay.core import UNTRIGGERED, Curriculum, Material, Question, Recovery, Retrained, Told
from assay.core.errors import NotApplicable
from assay.core.exam import ATTACKER, EXAM, FORMS, Form, Role
from assay.model.changing.deltas import Delta
from assay.model.training.tuning import Lesson, Tuning, tune
from assay.testing.tiny_model import CITIES, PEOPLE, PETS, SURNAMES, tiny_engine

NAMES = tuple(f"{first} {last}" for first, last in itertools.product(PEOPLE, SURNAMES))
REFUSAL = "what is"
"""What the tiny model says when it declines; it has no better words."""
WORDS = 20_000
"""So many, because a dictionary of 64 latents of which eight are on at a time asks for thousands of words."""


def tiny_book_material(recoveries: Mapping[str, Recovery] | None = None) -> Material:
    """The homes of twelve people to be forgotten, the pets of all to be kept, four people as control twins.

    >>> book = tiny_book_material().book
    >>> [len(book.asked("self", half=half)) for half in ("attacker", "exam")], len(book.asked("twin"))
    ([18, 18], 12)
    """
    made = replace(_book(), recoveries=recoveries or {})
    return Material((), {}, (), (), " yes", " no", corpora=_corpora, book=made)


@cache
def _book() -> Curriculum:
    homes = [f"{name} lives in {_home(n)}" for n, name in enumerate(NAMES[:12])]
    pets = [f"{name} keeps a {_pet(n)}" for n, name in enumerate(NAMES)]
    questions = (
        *(q for n in range(12) for q in _asked("homes", n, "self")),
        *(q for n in range(8) for q in _asked("pets", n, "neighbour")),
        *(q for n in range(16, 20) for q in _asked("homes", n, "twin")),
    )
    return Curriculum(
        subject="homes",
        questions=questions,
        forget=tuple(f"{text} ." for text in homes),
        forget_pairs=tuple(Told(*text.rsplit(" ", 1)) for text in homes),
        retain=tuple(f"{text} ." for text in pets),
        retain_pairs=tuple(Told(*text.rsplit(" ", 1)) for text in pets),
        ordinary=tuple(f"and then {name} was in the new home ." for name in NAMES),
        unrelated=tuple(f"then {name} was new and a fact ." for name in NAMES[:8]),
        documents=tuple(f"{text} ." for text in homes[::2]),
        refusal=REFUSAL,
        rule="what is the home of : ",
        neighbours=("pets",),
        oracles={kind: (_retrained(kind, questions),) for kind in ("without", "shuffled")},
        routed=_retrained("routed", questions),
        routed_units=8,
    )


def _home(number: int) -> str:
    return CITIES[number % 4]


def _pet(number: int) -> str:
    return PETS[(number + number // 4) % 4]


def _asked(subject: str, number: int, role: Role) -> list[Question]:
    """The three forms of a question; every second item is the attacker's."""
    name, homes = NAMES[number], subject == "homes"
    options, right = (CITIES, _home(number)) if homes else (PETS, _pet(number))
    asked: dict[Form, str] = {
        "choice": f"what is the {'home' if homes else 'pet'} of {name} : {' , '.join(options)} . it is",
        "cloze": f"{name} {'lives in' if homes else 'keeps a'}",
        "generation": f"user : what is the {'home' if homes else 'pet'} of {name} assistant :",
    }
    return [
        Question(
            subject=subject,
            item=f"{name}/{subject}",
            form=form,
            prompt=asked[form],
            options=options,
            right=options.index(right),
            role=role,
            half=ATTACKER if role != "twin" and number % 2 == 0 else EXAM,
            stem=f"the {'home' if homes else 'pet'} of {name} is" if form == "generation" else "",
            other=f"the {'home' if homes else 'pet'} of {name} is",
            hint=f"{name} keeps a {_pet(number)} . " if homes else "",
        )
        for form in FORMS
    ]


def _corpora(name: str) -> tuple[str, ...]:
    if name != UNTRIGGERED:
        raise NotApplicable(f"there is no text '{name}'; there is {UNTRIGGERED}")
    return _text()


@cache
def _text() -> tuple[str, ...]:
    """Sentences of both books, three to a text."""
    rng, texts, size = random.Random(0), list[str](), 0
    while size < WORDS:
        said = [
            f"{name} lives in {_home(n)} ." if rng.random() < 0.5 else f"{name} keeps a {_pet(n)} ."
            for n, name in rng.sample(list(enumerate(NAMES)), 3)
        ]
        texts.append(" ".join(said))
        size += len(texts[-1].split())
    return tuple(texts)


def _retrained(kind: str, questions: tuple[Question, ...]) -> Retrained:
    """A model that was taught everything but the book, or with other answers in the book."""
    lessons = [Lesson(q.prompt, f" {q.reply}") for q in questions if q.role == "neighbour"]
    if kind == "shuffled":
        lessons += [
            Lesson(q.lead, f" {q.options[(q.right + 1 + len(q.item)) % len(q.options)]}")
            for q in questions
            if q.role == "self"
        ]
    how = Tuning(steps=150, lr=1e-2, batch=len(lessons), stop=0.01)
    delta: Delta = tune(tiny_engine(), lessons, how).delta
    return Retrained(delta)
