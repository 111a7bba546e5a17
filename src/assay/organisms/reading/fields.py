"""Access to the fields of a record that a person may have written wrongly."""

from collections.abc import Sequence
from typing import cast

Record = dict[str, object]


class Unusable(ValueError):
    """A case cannot be used; the text says why, without the number of the case."""


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


def listed(record: Record, key: str) -> list[str]:
    """The texts of a list, none of them empty, so that they can be counted.

    Raises:
        Unusable: it is missing or no list, or one of its entries is empty or no text.

    >>> listed({"options": ["red", " blue"]}, "options")
    ['red', 'blue']
    """
    found = record.get(key)
    if not isinstance(found, list):
        raise Unusable(f"'{key}' is no list")
    entries = cast(list[object], found)
    for number, entry in enumerate(entries):
        if not isinstance(entry, str) or not entry.strip():
            raise Unusable(
                f"entry {number} of '{key}' is {'empty' if isinstance(entry, str) else 'not a text'}"
            )
    return [cast(str, entry).strip() for entry in entries]


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
