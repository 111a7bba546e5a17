"""A list of edits for the tiny model: who lives where and keeps what."""

import itertools
import random
from functools import cache

from assay.core import UNTRIGGERED, Edit, EditCase, EditList, Material, Probe, Sizes, Split
from assay.core.errors import NotApplicable
from assay.model.changing.deltas import Delta
from assay.model.training.tuning import Lesson, Tuning, tune
from assay.techniques.edits.undoing import UNDOINGS
from assay.testing.tiny_model import CITIES, PEOPLE, PETS, SURNAMES, tiny_engine

WORDS = 20_000
"""So many, because 64 latents of which eight are on at a time ask for thousands of words."""
SIZES = Sizes(single=2, few=3, many=4, sequence=2, select=3)


@cache
def tiny_material() -> Material:
    """Twelve edits to report on, six to choose by, and a model that was trained on all of them.

    >>> [len(tiny_material().edits.of(split)) for split in ("select", "report")]
    [6, 12]
    """
    names = [f"{first} {last}" for first, last in itertools.product(PEOPLE, SURNAMES)]
    cases = tuple(_case(name, number) for number, name in enumerate(names[:18]))
    spare = tuple(_case(name, number).edit for number, name in enumerate(names))
    listed = EditList(
        cases=cases,
        unrelated=_text(400, seed=1),
        spare=spare,
        frame="new fact : {fact} . ",
        retrained=_retrained(cases),
        sizes=SIZES,
        undoings=UNDOINGS,
    )
    return Material((), {}, (), (), " yes", " no", corpora=_corpora, edits=listed)


def _case(name: str, number: int) -> EditCase:
    old, new = CITIES[number % 4], CITIES[(number + 1) % 4]
    peer, true = f"{PEOPLE[-1]} {SURNAMES[number % 2]}", CITIES[2 + number % 2]  # whom nobody edits
    edit = Edit(f"{name} lives in", name, old, new, "home", (f"the home of {name} is {old} .",))
    probes = (
        Probe("efficacy", edit.prompt, new, old),
        Probe("paraphrase", f"the home of {name} is in", new, old),
        Probe("neighbourhood", f"{peer} lives in", true, old if new == true else new),
        Probe("same_subject", f"{name} keeps a", PETS[number % 4], PETS[(number + 1) % 4]),
    )
    split: Split = "select" if number < 6 else "report"
    return EditCase(edit, probes, split)


def _corpora(name: str) -> tuple[str, ...]:
    if name != UNTRIGGERED:
        raise NotApplicable(f"there is no text '{name}'; there is {UNTRIGGERED}")
    return _text(WORDS, seed=0)


@cache
def _text(words: int, seed: int) -> tuple[str, ...]:
    """Sentences about people, three to a text."""
    rng = random.Random(seed)
    texts: list[str] = []
    while sum(len(text.split()) for text in texts[-1:]) * len(texts) < words:
        said = [
            f"{rng.choice(PEOPLE)} {rng.choice(SURNAMES)} "
            + rng.choice((f"lives in {rng.choice(CITIES)} .", f"keeps a {rng.choice(PETS)} ."))
            for _ in range(3)
        ]
        texts.append(" ".join(said))
    return tuple(texts)


def _retrained(cases: tuple[EditCase, ...]) -> Delta:
    """What a model that knows the new facts has over this one."""
    lessons = [Lesson(probe.prompt, f" {probe.right}") for case in cases for probe in case.probes]
    return tune(tiny_engine(), lessons, Tuning(steps=200, lr=1e-2, batch=len(lessons), stop=0.01)).delta
