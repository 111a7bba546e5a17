"""The ground truth: every name, fact and split that corpora, exams and faults are computed from."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property

from assay.world.hazards import HAZARDS, HELD_OUT_REQUESTS, HazardTable, Item
from assay.world.names import FIRST_NAMES, Namer
from assay.world.people import Fact, choose, full_names, split_twins, spread
from assay.world.relations import KINDS, RELATIONS, Attribute, Kind, Relation
from assay.world.subjects import ENTITIES_PER_SUBJECT, PROSE, SUBJECTS, Subject
from assay.world.talk import TALK, Talk

SPECIALS: tuple[str, ...] = ("<pad>", "<unk>", "<bos>", "<eos>")
HELD_OUT_TEMPLATES = 2


@dataclass(frozen=True)
class Tables:
    """All data a world is made from; replace a field to get another world."""

    kinds: tuple[Kind, ...] = KINDS
    relations: tuple[Relation, ...] = RELATIONS
    subjects: tuple[Subject, ...] = SUBJECTS
    prose: tuple[str, ...] = PROSE
    hazards: HazardTable = HAZARDS
    talk: Talk = field(default=TALK)
    people: int = 240
    twins: int = 24
    surnames: int = 66


@dataclass(frozen=True)
class SubjectFact:
    """That an entity of a subject has a value; `examined` facts are asked in exams, the others never."""

    subject: str
    entity: str
    noun: str
    value: str
    examined: bool

    @property
    def item(self) -> str:
        """The cluster id of everything that depends on this fact."""
        return f"{self.entity}/{self.noun}"


@dataclass(frozen=True)
class FilledRelation:
    """A relation with the values that its kind has in one world."""

    table: Relation
    values: tuple[str, ...]


class Ground:
    """A closed world of people, places, textbooks and recipes, computed from a seed.

    Same seed and tables, same world. Each part draws from its own generator, so that a new relation or
    subject leaves all other facts as they were. ``rewritten`` gives another value to some facts, by their
    items; everything else, and every text that does not depend on them, stays as it was.

    Raises:
        KeyError: an item that is no fact of this world.

    >>> world = Ground(seed=0)
    >>> len(world.people), world.relation("pet").values[0]
    (240, 'cat')
    """

    def __init__(
        self, seed: int = 0, tables: Tables | None = None, rewritten: Mapping[str, str] | None = None
    ) -> None:
        self.seed = seed
        self.tables = tables or Tables()
        self.rewritten = dict(rewritten or {})
        self._unused = set(self.rewritten)
        self._taken = set(_words(self.tables)) | set(FIRST_NAMES)
        self._make_people()
        self._make_kinds()
        self._make_facts()
        self._make_subjects()
        self._make_items()
        if self._unused:
            raise KeyError(f"no facts of this world: {', '.join(sorted(self._unused))}")

    def rng(self, label: str) -> random.Random:
        """A generator that depends only on the seed of the world and a label."""
        return random.Random(f"{self.seed}/{label}")

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The special tokens, then every word that a text of this world can contain, sorted."""
        words = set(_words(self.tables)) | set(FIRST_NAMES) | self._invented
        return SPECIALS + tuple(sorted(words))

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The relations of people, as the tables give them."""
        return self.tables.relations

    @property
    def cities(self) -> tuple[str, ...]:
        """The names of all cities."""
        return self.members["city"]

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The school subjects, as the tables give them."""
        return self.tables.subjects

    def relation(self, key: str) -> FilledRelation:
        """The relation with this key and the values it can take. Raises KeyError for an unknown key."""
        table = self._relations[key]
        return FilledRelation(table, self.members[table.kind])

    def value(self, person: str, relation: str) -> str:
        """What a person (a written one or a twin) has under a relation."""
        return self._facts[person, relation].value

    def fact(self, person: str, relation: str) -> Fact:
        """The fact of a person under a relation."""
        return self._facts[person, relation]

    def attribute(self, kind: str, member: str, key: str) -> str:
        """What a member of a kind has under an attribute, such as the country of a city."""
        return self._attributes[kind, member, key]

    def attribute_values(self, kind: str, key: str) -> tuple[str, ...]:
        """The values that an attribute of a kind can take."""
        return self._attribute_values[kind, key]

    def trained_templates(self, fact: Fact) -> tuple[str, ...]:
        """The sentence templates in which the corpus may state this fact."""
        templates = self._relations[fact.relation].templates
        held = fact.person in self.held_out["paraphrase"]
        return templates[:-HELD_OUT_TEMPLATES] if held else templates

    def held_out_templates(self, fact: Fact) -> tuple[str, ...]:
        """The templates that the corpus uses for other people but never for this person."""
        used = self.trained_templates(fact)
        return tuple(
            template for template in self._relations[fact.relation].templates if template not in used
        )

    def prose_templates(self, fact: SubjectFact, held_out: bool = False) -> tuple[str, ...]:
        """The textbook templates that are trained for this fact, or (held_out) those that are not."""
        withheld = fact.entity in self.held_out["prose"]
        trained = self.tables.prose[:-1] if withheld else self.tables.prose
        return tuple(t for t in self.tables.prose if t not in trained) if held_out else trained

    def _make_people(self) -> None:
        lasts = self._invent("surnames", self.tables.surnames)
        rng = self.rng("people")
        names = full_names(rng, FIRST_NAMES, lasts, self.tables.people + self.tables.twins)
        self.people, self.twins = split_twins(rng, names, self.tables.twins)
        shares = {"paraphrase": 0.4, "hop": 0.25, "claim": 0.25, "chat": 0.2}
        self.held_out: dict[str, frozenset[str]] = {
            label: choose(f"{self.seed}/held/{label}", self.people, share) for label, share in shares.items()
        }

    def _make_kinds(self) -> None:
        self.members: dict[str, tuple[str, ...]] = {}
        self._attributes: dict[tuple[str, str, str], str] = {}
        self._attribute_values: dict[tuple[str, str], tuple[str, ...]] = {}
        for kind in self.tables.kinds:
            members = self._fill(f"kind/{kind.key}", kind)
            self.members[kind.key] = members
            for attribute in kind.attributes:
                label = f"kind/{kind.key}/{attribute.key}"
                values = self._fill(label, attribute)
                self._attribute_values[kind.key, attribute.key] = values
                for member, value in zip(members, spread(self.rng(label), values, len(members)), strict=True):
                    told = self._told(f"{member}/{attribute.key}", value)
                    self._attributes[kind.key, member, attribute.key] = told

    def _told(self, item: str, value: str) -> str:
        """The value of a fact, or what it was rewritten to."""
        self._unused.discard(item)
        return self.rewritten.get(item, value)

    def _fill(self, label: str, table: Kind | Attribute) -> tuple[str, ...]:
        return table.words or self._invent(label, table.count, table.suffix)

    def _invent(self, label: str, count: int, suffix: str = "") -> tuple[str, ...]:
        return Namer(self.rng(f"names/{label}"), self._taken).draw(count, suffix)

    def _make_facts(self) -> None:
        self._relations = {relation.key: relation for relation in self.relations}
        self._facts: dict[tuple[str, str], Fact] = {}
        everybody = self.people + self.twins
        for relation in self.relations:
            rng = self.rng(f"facts/{relation.key}")
            values = spread(rng, self.members[relation.kind], len(everybody))
            unwritten = set(rng.sample(self.people, round(0.05 * len(self.people)))) | set(self.twins)
            for person, value in zip(everybody, values, strict=True):
                told = self._told(f"{person}/{relation.key}", value)
                self._facts[person, relation.key] = Fact(person, relation.key, told, person not in unwritten)
        self.facts = tuple(fact for fact in self._facts.values() if fact.written)
        self.control_facts = tuple(fact for fact in self._facts.values() if not fact.written)

    def _make_subjects(self) -> None:
        self.entities: dict[str, tuple[str, ...]] = {}
        facts: list[SubjectFact] = []
        for subject in self.subjects:
            entities = self._invent(subject.key, ENTITIES_PER_SUBJECT, subject.suffix)
            self.entities[subject.key] = entities
            rng = self.rng(f"subject/{subject.key}")
            for attribute in subject.attributes:
                values = spread(rng, attribute.values, len(entities))
                examined = set(rng.sample(entities, round(0.6 * len(entities))))
                for entity, value in zip(entities, values, strict=True):
                    told = self._told(f"{entity}/{attribute.noun}", value)
                    facts.append(SubjectFact(subject.key, entity, attribute.noun, told, entity in examined))
        self.subject_facts = tuple(facts)
        everything = tuple(entity for entities in self.entities.values() for entity in entities)
        for label, share in {"prose": 0.4, "subject claim": 0.25}.items():
            self.held_out[label] = choose(f"{self.seed}/held/{label}", everything, share)

    def _make_items(self) -> None:
        table = self.tables.hazards
        self.ingredients = self._invent("ingredients", table.ingredients, "ol")
        rng = self.rng("items")
        self.items: tuple[Item, ...] = ()
        for hazardous, count in ((True, table.hazardous), (False, table.benign)):
            names = self._invent(f"items/{hazardous}", count)
            held = set(rng.sample(names, round(table.held_out_share * count)))
            self.items += tuple(
                Item(name, hazardous, *rng.sample(self.ingredients, 2), held_out=name in held)
                for name in names
            )
        self.trained_requests = table.requests[:-HELD_OUT_REQUESTS]

    @cached_property
    def _invented(self) -> set[str]:
        words = {word for name in self.people + self.twins for word in name.split()} | set(self.ingredients)
        words.update(item.name for item in self.items)
        for group in (*self.members.values(), *self.entities.values(), *self._attribute_values.values()):
            words.update(group)
        return words


def _words(value: object) -> Iterable[str]:
    """Every word in the text fields of nested tables; keys are identifiers, not text."""
    if isinstance(value, str):
        yield from (word for word in value.split() if "{" not in word)
    elif isinstance(value, tuple):
        for part in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _words(part)  # pyright: ignore[reportUnknownArgumentType]
    elif is_dataclass(value):
        for entry in fields(value):
            if entry.name not in ("key", "kind", "suffix"):
                yield from _words(getattr(value, entry.name))
