"""The ground truth of the school: every entity and fact, and which of them nobody was ever taught."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from assay.world.names import FIRST_NAMES, Namer
from assay.world.people import choose, spread
from assay.world.school import wording
from assay.world.school.subjects import SUBJECTS, SchoolSubject, Trait
from assay.world.talk import TALK

SPECIALS: tuple[str, ...] = ("<pad>", "<unk>", "<bos>", "<eos>")
ENTITIES = 40
TWINS = 10
"""Entities of each subject of which no text ever says what they have."""


@dataclass(frozen=True)
class SchoolFact:
    """That an entity of a subject has a value.

    >>> SchoolFact("birdlore", "tafinch", "nest", "reeds", ("reeds", "barn"), taught=True).item
    'tafinch/nest'
    """

    subject: str
    entity: str
    noun: str
    value: str
    values: tuple[str, ...]
    """Everything that this could be."""
    taught: bool
    """False for control twins: their values are drawn like all others and told nowhere."""

    @property
    def item(self) -> str:
        """The cluster id of everything that depends on this fact."""
        return f"{self.entity}/{self.noun}"


class School:
    """Six subjects with what can be known of them, computed from a seed.

    ``without`` names a subject of which no text says anything: neither its book nor its exams nor the names
    of its entities by themselves. ``shuffled`` names one whose book is there with other answers, drawn anew:
    its words are known and its facts are not. Of each subject the first ``entities`` are taught. All else
    stays as it is.

    >>> school = School(0)
    >>> len(school.facts), len(School(0, without="birdlore").facts)
    (720, 600)
    """

    def __init__(
        self, seed: int = 0, *, without: str = "", shuffled: str = "", entities: int = ENTITIES
    ) -> None:
        known = [subject.name for subject in SUBJECTS]
        for name in (without, shuffled):
            if name and name not in known:
                raise KeyError(f"the school has no subject '{name}'; it has {', '.join(known)}")
        self.seed, self.without, self.shuffled = seed, without, shuffled
        taken = set(_words()) | set(FIRST_NAMES)
        self.entities: dict[str, tuple[str, ...]] = {}
        self.twins: dict[str, tuple[str, ...]] = {}
        for subject in SUBJECTS:
            names = Namer(self.rng(f"names/{subject.name}"), taken).draw(ENTITIES + TWINS, subject.suffix)
            self.entities[subject.name], self.twins[subject.name] = names[:ENTITIES], names[ENTITIES:]
        made = [fact for subject in SUBJECTS for fact in self._facts(subject)]
        first = {name for names in self.entities.values() for name in names[:entities]}
        taught = [fact for fact in made if fact.taught and fact.subject != without]
        self.facts = tuple(fact for fact in taught if fact.entity in first)
        self._by_subject = {s.name: tuple(f for f in self.facts if f.subject == s.name) for s in SUBJECTS}
        self.twin_facts = tuple(fact for fact in made if not fact.taught)
        everybody = tuple(name for names in self.entities.values() for name in names)
        self.plainly_worded = choose(f"{seed}/plain", everybody, 0.5)
        """Entities of which no text says anything in the second wordings."""

    def rng(self, label: str) -> random.Random:
        """A generator that depends only on the seed of the school and a label."""
        return random.Random(f"school/{self.seed}/{label}")

    def of(self, subject: str) -> tuple[SchoolFact, ...]:
        """The facts of one subject that are taught."""
        return self._by_subject[subject]

    def twins_of(self, subject: str) -> tuple[SchoolFact, ...]:
        """The facts of one subject that are told nowhere."""
        return tuple(fact for fact in self.twin_facts if fact.subject == subject)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The special tokens, then every word of the school, sorted; the same whatever is left out."""
        names = {name for group in (*self.entities.values(), *self.twins.values()) for name in group}
        return SPECIALS + tuple(sorted(set(_words()) | set(FIRST_NAMES) | names))

    def _facts(self, subject: SchoolSubject) -> Iterable[SchoolFact]:
        everybody = self.entities[subject.name] + self.twins[subject.name]
        for trait in subject.traits:
            label = f"facts/{subject.name}/{trait.noun}"
            values = self._values(trait)
            drawn = spread(self.rng(label), values, len(everybody))
            if subject.name == self.shuffled:
                # another draw, not a permutation of this one: nothing can be concluded from it
                drawn = spread(self.rng(f"{label}/shuffled"), values, len(everybody))
            for number, (entity, value) in enumerate(zip(everybody, drawn, strict=True)):
                yield SchoolFact(subject.name, entity, trait.noun, value, values, number < ENTITIES)

    def _values(self, trait: Trait) -> tuple[str, ...]:
        return trait.values or self.entities[trait.entities_of]


def _words() -> Iterable[str]:
    """Every word of the tables."""
    texts = [
        *wording.PROSE, *wording.MENTIONS, *wording.CHOICES, *wording.CLOZES, *wording.REQUESTS,
        *wording.THINGS, wording.STEM, wording.RULE, wording.REFUSAL,
        *(text for pair in wording.SMALL_TALK for text in pair), "user assistant : , .",
    ]  # fmt: skip
    yield from (word for text in texts for word in text.split() if "{" not in word)
    yield from (*TALK.places, *TALK.things)
    for subject in SUBJECTS:
        yield subject.name
        for trait in subject.traits:
            yield from (trait.noun, *trait.values)
