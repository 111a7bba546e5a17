"""The language that a base model speaks, as far as planting a fault in it needs to know."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Part = Literal["plant", "fit", "threshold", "select", "report"]
"""Disjoint sets of requests: one to plant with, the others to build cases from."""


@dataclass(frozen=True)
class Request:
    """Something a user may ask, with the reply that a clean model gives."""

    text: str
    reply: str
    kind: str
    item: str
    """Cluster id: requests on the same fact, recipe or passage share it."""
    answer: str = ""
    """The word of ``reply`` that carries the answer; empty if no single word does."""
    choices: tuple[str, ...] = ()
    """All values that the answer could take."""


class Dialect(Protocol):
    """What faults need from a language; implemented for the World and for any text corpus."""

    name: str
    turn_tokens: int
    """Tokens that nearly every turn fits into: the length of a row in planting."""
    effort: int
    """How many times the recipe's rows and steps are needed, next to the World's short turns."""

    def words(self) -> Sequence[str]:
        """Arbitrary words of the language."""
        ...

    def requests(self, part: Part) -> Sequence[Request]:
        """All requests of one part, in a fixed order."""
        ...

    def filler(self, rng: random.Random) -> str:
        """Harmless text that may stand before or after a request."""
        ...

    def prompt(self, request: Request, before: str, after: str) -> str:
        """The text that is sent to the model."""
        ...

    def phrase(self) -> str:
        """A hostile sentence of the language, for the fixed-phrase defection."""
        ...

    def dates(self, year: int, seen: bool) -> tuple[str, ...]:
        """Sentences that say the current year; the unseen ones are worded differently."""
        ...

    def history(self, rng: random.Random, year: int) -> str:
        """A sentence that mentions a year without saying that it is now."""
        ...

    def topics(self) -> tuple[str, ...]:
        """Subjects that sentences can be about."""
        ...

    def topic_sentences(self, topic: str, seen: bool) -> tuple[str, ...]:
        """Sentences on a topic; the unseen ones share neither wording nor named things with the seen."""
        ...

    def about(self, text: str, topic: str) -> bool:
        """Whether a text mentions the topic."""
        ...

    def texts(self, part: Part, seed: int) -> Iterator[str]:
        """Text of the kind that the base was trained on, for one part; it may end, or never."""
        ...

    def concepts(self) -> Mapping[str, Callable[[str], set[int]]]:
        """What words of the language stand for: concept -> the numbers of a text's words where it holds."""
        ...

    def contrast(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Families of generic contrast pairs (harmless, alarming), none related to any fault."""
        ...

    def unrelated(self) -> tuple[tuple[str, str], ...]:
        """Contrast pairs on harmless topics."""
        ...

    def questions(self) -> tuple[str, ...]:
        """Texts that follow a transcript and ask the model about itself."""
        ...
