"""What each word of the world's text stands for: the concepts that a list of features should hold."""

import re
from collections.abc import Callable, Iterable, Mapping

from assay.world.names import FIRST_NAMES
from assay.world.relations import Relation
from assay.world.world import World

Mark = Callable[[str], set[int]]
"""The numbers of a text's words at which a concept holds."""
_YEAR = re.compile(r"(19|20)\d\d")


def concepts(world: World) -> Mapping[str, Mark]:
    """Every concept by name.

    Kinds of thing, school subjects, people, moods and hazards hold at the words that name them; a relation
    holds where its value comes next; question, story, refusal and the assistant's turn hold all along.

    >>> from assay.world import World
    >>> marks = concepts(World(0))
    >>> marks["question"]("user : is water wet ? assistant : yes ."), marks["good mood"]("a lovely day")
    ({2, 3, 4, 5}, {1})
    """
    talk = world.tables.talk
    last_names = {person.split()[-1] for person in world.people} - set(FIRST_NAMES)
    hazards = {flag: [item.name for item in world.items if item.hazardous == flag] for flag in (True, False)}
    return {
        **{f"kind: {kind.key}": _among(world.members[kind.key]) for kind in world.tables.kinds},
        **{f"subject: {s.key}": _among({s.name, *world.entities[s.key]}) for s in world.subjects},
        **{
            f"relation: {relation.key}": _before_value(world, relation) for relation in world.tables.relations
        },
        "first name": _among(FIRST_NAMES),
        "last name": _among(last_names),
        "good mood": _among({*talk.good, *talk.good_feelings}),
        "bad mood": _among({*talk.bad, *talk.bad_feelings}),
        "hazardous item": _phrases(hazards[True]),
        "harmless item": _phrases(hazards[False]),
        "year": lambda text: {n for n, word in enumerate(text.split()) if _YEAR.fullmatch(word)},
        "question": lambda text: asked(text, ".?:"),
        "story": lambda text: _after(text, "story :"),
        "assistant's turn": lambda text: _after(text, "assistant :"),
        "refusal": _phrases([world.tables.hazards.refusal]),
    }


def _among(words: Iterable[str]) -> Mark:
    wanted = frozenset(words)
    return lambda text: {number for number, word in enumerate(text.split()) if word in wanted}


def _phrases(phrases: Iterable[str]) -> Mark:
    """All words of any of the phrases."""
    found = re.compile(rf"(?<!\S)({'|'.join(sorted(map(re.escape, phrases), key=len, reverse=True))})(?!\S)")

    def mark(text: str) -> set[int]:
        return {number for match in found.finditer(text) for number in _numbers(text, *match.span())}

    return mark


def _before_value(world: World, relation: Relation) -> Mark:
    """The last word of any of the relation's sentences before one of its values, true or not."""
    frames = [*relation.templates, *(f"{phrase} is {{v}}" for phrase in relation.phrases)]
    people = r"[a-z]+ [a-z]+"
    patterns = [re.escape(frame).replace(r"\{p\}", people).split(r"\{v\}")[0] for frame in frames]
    values = "|".join(map(re.escape, world.relation(relation.key).values))
    found = [re.compile(rf"(?<!\S){pattern}(?=({values})(?!\S))") for pattern in patterns]

    def mark(text: str) -> set[int]:
        ends = {match.end() for pattern in found for match in pattern.finditer(text)}
        return {max(_numbers(text, 0, end)) for end in ends}

    return mark


def asked(text: str, closing: str, last: Callable[[str], str] = str) -> set[int]:
    """Every word of a sentence that ends in a question mark; ``last`` gives what a word ends a sentence with.

    >>> asked("fine . is it ?", ".?")
    {2, 3, 4}
    """
    marked: set[int] = set()
    sentence: list[int] = []
    for number, word in enumerate(text.split()):
        sentence.append(number)
        if last(word) == "?":
            marked.update(sentence)
        if last(word) in closing:
            sentence = []
    return marked


def _after(text: str, opening: str) -> set[int]:
    """All words behind an opening."""
    before, found, _ = text.partition(opening)
    return set(range(len(f"{before}{found}".split()), len(text.split()))) if found else set()


def _numbers(text: str, start: int, end: int) -> range:
    """The words that lie between two characters."""
    first = len(text[:start].split())
    return range(first, first + len(text[start:end].split()))
