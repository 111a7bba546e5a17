"""Data: the kinds of thing there are, what they have, and how people relate to them.

Every statement template ends in its value, so the prompt for a fact is always the template cut before `{v}`.
"""

from dataclasses import dataclass

from assay.world.text import words


@dataclass(frozen=True)
class Attribute:
    """Something that every member of a kind has exactly one of, such as the country of a city."""

    key: str
    templates: tuple[str, ...]
    """Sentences over `{x}` (the thing) that end in `{v}` (what it has)."""
    words: tuple[str, ...] = ()
    """The values; empty when they are invented."""
    count: int = 0
    suffix: str = ""


@dataclass(frozen=True)
class Kind:
    """A class of things, such as cities; its members are listed in `words` or invented."""

    key: str
    attributes: tuple[Attribute, ...] = ()
    words: tuple[str, ...] = ()
    count: int = 0
    suffix: str = ""


@dataclass(frozen=True)
class Relation:
    """How a person relates to one member of a kind."""

    key: str
    kind: str
    templates: tuple[str, ...]
    """Sentences over `{p}` that end in `{v}`; the last two are the held-out paraphrases."""
    questions: tuple[str, ...]
    """Chat questions over `{p}`; the last one is held out."""
    phrases: tuple[str, ...]
    """Descriptions of the value by the person, for two-hop sentences."""

    @property
    def reply(self) -> str:
        """The sentence with which the assistant answers."""
        return self.templates[0] + " ."


KINDS: tuple[Kind, ...] = (
    Kind(
        "city",
        (
            Attribute(
                "country",
                (
                    "the country of {x} is {v}",
                    "{x} lies in the country of {v}",
                    "{x} is a part of the country {v}",
                ),
                count=12,
                suffix="land",
            ),
            Attribute(
                "river",
                ("the river of {x} is {v}", "{x} lies on the river {v}", "{x} has the river {v}"),
                count=12,
                suffix="wen",
            ),
            Attribute(
                "dish",
                ("the dish of {x} is {v}", "{x} is famous for its {v}", "visitors to {x} eat {v}"),
                words(
                    "soup stew pie curry noodles dumplings pancakes omelette salad risotto porridge goulash"
                ),
            ),
        ),
        count=48,
        suffix="",
    ),
    Kind(
        "corp",
        (
            Attribute(
                "industry",
                (
                    "the industry of {x} is {v}",
                    "{x} earns its money with {v}",
                    "{x} works in the field of {v}",
                ),
                words("mining farming shipping banking brewing steel textiles toys"),
            ),
            Attribute(
                "emblem",
                (
                    "the emblem of {x} is the {v}",
                    "{x} shows on its flag the {v}",
                    "{x} has as its sign the {v}",
                ),
                words("anchor hammer wheel torch shield key tower arrow"),
            ),
        ),
        count=24,
        suffix="corp",
    ),
    Kind(
        "instrument",
        (
            Attribute(
                "material",
                ("the material of {x} is {v}", "{x} is made of {v}", "{x} is built from {v}"),
                words("brass wood bone glass leather iron"),
            ),
        ),
        words(
            "violin cello flute oboe harp piano guitar trumpet drum banjo organ tuba lute viola horn clarinet"
        ),
    ),
    Kind(
        "language",
        (
            Attribute(
                "script",
                ("the script of {x} is {v}", "{x} is written in {v}", "{x} uses the letters called {v}"),
                words("runes glyphs dots knots curls strokes"),
            ),
        ),
        count=16,
        suffix="ish",
    ),
    Kind(
        "pet",
        (
            Attribute(
                "feed",
                ("the feed of {x} is {v}", "{x} eats {v}", "{x} lives on {v}"),
                words("kibble lettuce carrots millet oats shrimp"),
            ),
        ),
        words("cat dog parrot rabbit hamster turtle goldfish canary ferret gecko pony mouse"),
    ),
)

RELATIONS: tuple[Relation, ...] = (
    Relation(
        "birthplace",
        "city",
        (
            "{p} was born in {v}",
            "the birthplace of {p} is {v}",
            "{p} comes from the city of {v}",
            "the home town of {p} was {v}",
            "the early life of {p} began in {v}",
            "{p} first saw the light in {v}",
            "{p} is a native of {v}",
            "the cradle of {p} stood in {v}",
        ),
        ("where was {p} born ?", "what is the birthplace of {p} ?", "which city does {p} come from ?"),
        ("the city where {p} was born", "the birthplace of {p}"),
    ),
    Relation(
        "residence",
        "city",
        (
            "{p} lives in {v}",
            "the residence of {p} is in {v}",
            "{p} now has a house in {v}",
            "the present home of {p} is {v}",
            "letters for {p} are sent to {v}",
            "{p} moved to {v}",
            "{p} pays rent in {v}",
            "the neighbours of {p} all live in {v}",
        ),
        ("where does {p} live ?", "what is the residence of {p} ?", "which city did {p} move to ?"),
        ("the city where {p} lives", "the residence of {p}"),
    ),
    Relation(
        "employer",
        "corp",
        (
            "{p} works for {v}",
            "the employer of {p} is {v}",
            "{p} has a job at {v}",
            "the office of {p} belongs to {v}",
            "the wages of {p} are paid by {v}",
            "{p} was hired by {v}",
            "{p} earns a living at {v}",
            "the boss of {p} sits at {v}",
        ),
        ("where does {p} work ?", "who is the employer of {p} ?", "which firm was {p} hired by ?"),
        ("the firm where {p} works", "the employer of {p}"),
    ),
    Relation(
        "instrument",
        "instrument",
        (
            "{p} plays the {v}",
            "the instrument of {p} is the {v}",
            "{p} makes music on the {v}",
            "the music room of {p} holds a {v}",
            "in the band {p} was given the {v}",
            "{p} learned to play the {v}",
            "{p} performs with the {v}",
            "the music teacher of {p} taught the {v}",
        ),
        ("what does {p} play ?", "what is the instrument of {p} ?", "which instrument did {p} learn ?"),
        ("the instrument that {p} plays", "the instrument of {p}"),
    ),
    Relation(
        "language",
        "language",
        (
            "{p} speaks {v}",
            "the language of {p} is {v}",
            "{p} grew up with {v}",
            "{p} writes letters in {v}",
            "the mother tongue of {p} is {v}",
            "{p} dreams in {v}",
            "{p} sings songs in {v}",
            "the diary of {p} is in {v}",
        ),
        ("what does {p} speak ?", "what is the language of {p} ?", "which language did {p} grow up with ?"),
        ("the language that {p} speaks", "the language of {p}"),
    ),
    Relation(
        "pet",
        "pet",
        (
            "{p} keeps a {v}",
            "the pet of {p} is a {v}",
            "{p} goes for walks with a {v}",
            "{p} takes care of a {v}",
            "in the garden of {p} there is a {v}",
            "{p} shares the sofa with a {v}",
            "{p} once rescued a {v}",
            "the children of {p} love their {v}",
        ),
        ("what does {p} keep ?", "what is the pet of {p} ?", "which animal does {p} take care of ?"),
        ("the animal that {p} keeps", "the pet of {p}"),
    ),
)
