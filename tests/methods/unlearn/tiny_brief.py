"""A brief for the tiny model, and what entries make of it: the pets of four are the book."""

from collections.abc import Callable
from typing import Any

from assay.access import WhiteHandle
from assay.core import Access, Change, Told, Transcript
from assay.core.registry import find
from assay.jobs.unlearn import UnlearnBrief
from assay.testing.tiny_model import CITIES, LAYERS, PEOPLE, PETS, tiny_handle

BOOK, REST = PEOPLE[:4], PEOPLE[4:]
BRIEF = UnlearnBrief(
    subject="pets",
    forget=tuple(f"{person} keeps a {pet} ." for person, pet in zip(BOOK, PETS, strict=True)),
    forget_pairs=tuple(
        Told(f"what is the pet of {person} : a", pet) for person, pet in zip(BOOK, PETS, strict=True)
    ),
    retain=tuple(f"{person} lives in {CITIES[n % 4]} ." for n, person in enumerate(REST)),
    retain_pairs=tuple(
        Told(f"the home of {person} is in", CITIES[(n + 1) % 4]) for n, person in enumerate(REST)
    ),
    guard=tuple(f"and then {person} was in {city} ." for person in REST[:3] for city in CITIES[:2]),
    allowed=0.05,
    text=(),
    ordinary=(Transcript("reed keeps in the home of moss ."),),
    refusal="new fact .",
    rule="",
    routed=None,
    routed_units=0,
)


def white() -> WhiteHandle:
    """A handle on the tiny model."""
    handle = tiny_handle(Access.WHITE)
    assert isinstance(handle, WhiteHandle)
    return handle


def fitter(brief: UnlearnBrief, group: str = "method") -> Callable[..., Change]:
    """What calls an entry by name on a brief, with its default setting but for what is given."""

    def fitted(key: str, told: UnlearnBrief = brief, seed: int = 0, **setting: Any) -> Change:
        method = find(group, key, "unlearn").load()
        answer = method.fit(tiny_handle(method.access), told, method.default_setting(LAYERS) | setting, seed)
        assert isinstance(answer, Change)
        return answer

    return fitted
