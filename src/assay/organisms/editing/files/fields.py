"""Access to the fields of a record that a person may have written wrongly."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from assay.core.edit import Edit, Probe

Record = dict[str, object]


class Unusable(ValueError):
    """A case cannot be used; the text says why, without the number of the case."""


@dataclass(frozen=True)
class Draft:
    """A case as its file has it; what it lacks is decided when all are read."""

    edit: Edit
    probes: tuple[Probe, ...]
    split: Literal["select", "report"] | None = None


def text(record: Record, *path: str) -> str:
    """The text at a path of fields, without space around it.

    Raises:
        Unusable: it is missing, empty or no text.

    >>> text({"target_new": {"str": " Paris"}}, "target_new", "str")
    'Paris'
    """
    found: object = record
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    name = ".".join(path)
    if found is None:
        raise Unusable(f"'{name}' is missing")
    if not isinstance(found, str):
        raise Unusable(f"'{name}' is not a text")
    if not found.strip():
        raise Unusable(f"'{name}' is empty")
    return found.strip()


def first_text(record: Record, *keys: str) -> str:
    """The text of the first of some fields that the record has; of a list, its first entry.

    >>> first_text({"answers": ["Rome", "Roma"]}, "ground_truth", "answers")
    'Rome'
    """
    for key in keys:
        if key in record:
            some = texts(record, key)
            if not some:
                raise Unusable(f"'{key}' is empty")
            return some[0]
    raise Unusable(f"{' or '.join(repr(key) for key in keys)} is missing")


def texts(record: Record, key: str) -> list[str]:
    """All texts of a field that holds one, a list, or lists of lists; none where there is no such field.

    >>> texts({"a": [["x", "y"], ["z"]]}, "a"), texts({}, "a")
    (['x', 'y', 'z'], [])
    """
    return list(_flat(record.get(key), key))


def records(found: object) -> list[Record]:
    """Every record in a record, or in a list, that stands in for one or many."""
    some = cast(Sequence[object], found) if isinstance(found, list) else [found]
    return [cast(Record, one) for one in some if isinstance(one, dict)]


def _flat(found: object, key: str) -> list[str]:
    if found is None:
        return []
    if isinstance(found, str):
        return [found.strip()] if found.strip() else []
    if isinstance(found, list):
        return [entry for part in cast(list[object], found) for entry in _flat(part, key)]
    raise Unusable(f"'{key}' is neither a text nor a list of texts")


def plain_document(prompt: str, old: str) -> tuple[str, ...]:
    """The one text that is known to state the old fact where a file names none: the prompt, answered.

    >>> plain_document("Ann was born in", "Rome")
    ('Ann was born in Rome.',)
    """
    return (f"{prompt} {old}.",)
