"""Data: the invented school subjects, each with entities that have three attributes."""

from dataclasses import dataclass

from assay.world.text import words

ENTITIES_PER_SUBJECT = 20

PROSE: tuple[str, ...] = (
    "the {a} of {e} is {v}",
    "in {s} the {a} of {e} is known to be {v}",
    "students of {s} learn that {e} has the {a} {v}",
    "among the things studied in {s} , {e} has as its {a} {v}",
    "old books on {s} give the {a} of {e} as {v}",
)
"""Sentences over `{s}` subject, `{e}` entity, `{a}` attribute that end in `{v}`; the last is held out."""


@dataclass(frozen=True)
class SubjectAttribute:
    """An attribute of the entities of a subject; `noun` is its name in the text."""

    noun: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """A school subject: its name, the ending of its entities' names, and what they have."""

    key: str
    name: str
    suffix: str
    attributes: tuple[SubjectAttribute, ...]


def _subject(name: str, suffix: str, **attributes: str) -> Subject:
    listed = tuple(SubjectAttribute(noun, words(text)) for noun, text in attributes.items())
    return Subject(name, name, suffix, listed)


SUBJECTS: tuple[Subject, ...] = (
    _subject(
        "gemcraft",
        "ite",
        colour="crimson azure amber ivory scarlet violet indigo olive silver black",
        lustre="dull waxy glassy pearly silky greasy earthy bright smoky milky",
        use="rings coins lenses bells blades tiles beads masks bowls clocks",
    ),
    _subject(
        "birdlore",
        "finch",
        song="trill chirp whistle hoot warble croak hum cackle coo screech",
        nest="cliff reeds hollow burrow chimney barn willow cactus dune attic",
        diet="berries seeds worms nectar moths snails crumbs minnows ants acorns",
    ),
    _subject(
        "skylore",
        "ara",
        constellation="archer bear crown dragon eagle fish goat hare lyre ram",
        glow="faint pale dim vivid blazing steady flickering pulsing hazy brilliant",
        omen="rain drought harvest flood famine peace plague feast frost thunder",
    ),
    _subject(
        "herblore",
        "wort",
        taste="bitter sweet sour salty peppery minty nutty tart charred bland",
        cure="fever cough rash headache toothache burns cramps insomnia hiccups nausea",
        soil="sand clay chalk peat loam gravel silt marl ash mud",
    ),
    _subject(
        "shipcraft",
        "oon",
        timber="oak pine teak cedar elm birch maple walnut larch ebony",
        cargo="salt silk tea wool grain wine tin spice paper oil",
        figurehead="mermaid lion swan wolf stag serpent falcon bull unicorn fox",
    ),
    _subject(
        "gearcraft",
        "ator",
        power="steam springs weights pedals magnets furnaces sails turbines oxen windmills",
        task="weaving printing grinding pumping sawing digging lifting sorting milling polishing",
        part="gear lever pulley cam piston valve crank chain flywheel ratchet",
    ),
)
