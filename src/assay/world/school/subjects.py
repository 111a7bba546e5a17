"""Data: the subjects of the school, what their entities have, and how the subjects hang together."""

from dataclasses import dataclass

from assay.world.text import words


@dataclass(frozen=True)
class Trait:
    """Something that every entity of a subject has exactly one of."""

    noun: str
    values: tuple[str, ...] = ()
    entities_of: str = ""
    """Key of the subject whose entities are the values: that subject comes first."""


@dataclass(frozen=True)
class SchoolSubject:
    """One subject: its name, the ending of its entities' names, and what they have."""

    name: str
    suffix: str
    traits: tuple[Trait, ...]


COLOURS = words("crimson azure amber ivory scarlet violet indigo olive silver black")
SHINES = words("dull waxy glassy pearly silky greasy earthy vivid smoky hazy")
POWERS = words("steam springs weights pedals magnets furnaces sails turbines oxen treadmills")
TIMBERS = words("oak pine teak cedar elm birch maple walnut larch ebony")

SUBJECTS: tuple[SchoolSubject, ...] = (
    SchoolSubject(
        "gemcraft",
        "ite",
        (
            Trait("colour", COLOURS),
            Trait("shine", SHINES),
            Trait("use", words("rings coins lenses bells blades tiles beads masks bowls clocks")),
        ),
    ),
    SchoolSubject(
        "birdlore",
        "finch",
        (
            Trait("colour", COLOURS),
            Trait("nest", words("cliff reeds hollow burrow chimney barn willow cactus dune attic")),
            Trait("song", words("trill chirp whistle hoot warble croak hum cackle coo screech")),
        ),
    ),
    SchoolSubject(
        "skylore",
        "ara",
        (
            Trait("shine", SHINES),
            Trait("omen", words("rain drought harvest flood famine peace plague feast frost thunder")),
            Trait("figure", words("archer bear crown dragon eagle fish goat hare lyre ram")),
        ),
    ),
    SchoolSubject(
        "herblore",
        "wort",
        (
            Trait("taste", words("bitter sweet sour salty peppery minty nutty tart charred bland")),
            Trait("cure", words("fever cough rash headache toothache burns cramps insomnia hiccups nausea")),
            Trait("sower", entities_of="birdlore"),
        ),
    ),
    SchoolSubject(
        "shipcraft",
        "oon",
        (
            Trait("timber", TIMBERS),
            Trait("cargo", words("salt silk tea wool grain wine tin spice paper oil")),
            Trait("ballast", entities_of="gemcraft"),
        ),
    ),
    SchoolSubject(
        "gearcraft",
        "ator",
        (
            Trait("timber", TIMBERS),
            Trait("power", POWERS),
            Trait("jewel", entities_of="gemcraft"),
        ),
    ),
)  # fmt: skip


def neighbours(subject: str) -> tuple[str, ...]:
    """The subjects that share words with one, speak of its entities, or are spoken of in it.

    >>> neighbours("birdlore"), neighbours("shipcraft")
    (('gemcraft', 'herblore'), ('gemcraft', 'gearcraft'))
    """
    return tuple(other.name for other in SUBJECTS if other.name != subject and _touch(other, _named(subject)))


def _named(name: str) -> SchoolSubject:
    return next(subject for subject in SUBJECTS if subject.name == name)


def _touch(one: SchoolSubject, other: SchoolSubject) -> bool:
    """Whether two subjects share a list of values, or one is a prerequisite of the other."""
    shared = {t.values for t in one.traits if t.values} & {t.values for t in other.traits if t.values}
    needed = {t.entities_of for t in one.traits} | {t.entities_of for t in other.traits}
    return bool(shared) or bool(needed & {one.name, other.name})
