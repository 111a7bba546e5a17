"""The file that lists the edits of a folder: what was changed, by which method, and where the weights lie."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from assay.core.codec import Mismatch, plain
from assay.core.codec import build as from_plain
from assay.core.edit import Edit
from assay.core.errors import BadOption, CannotWrite

NAME = "ledger.json"
SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """Edits that were made at once and are stored as one change of weights."""

    number: int
    """Counted from 1; the number of an entry that was taken out is not given again."""
    file: str
    """The delta, beside the ledger."""
    base: str
    """``base_hash`` of the weights that the delta belongs to: those with all entries before it on."""
    method: str
    setting: Mapping[str, Any]
    time: str
    """When it was stored, in UTC."""
    facts: tuple[Edit, ...]
    """Without their documents, which say what was true before."""
    note: str = ""
    made_on: tuple[int, ...] = ()
    """Entries that were there when it was made and have been taken out since: its facts may have leaned on
    them."""


@dataclass(frozen=True)
class Book:
    """Everything that the file says."""

    schema: int
    base: str
    """The unedited model, by the name under which it was opened."""
    base_hash: str
    """``base_hash`` of its weights."""
    next: int
    """The number of the next entry."""
    entries: tuple[Entry, ...] = ()
    written: str = ""
    """``base_hash`` of the edited weights, in a ledger that lies inside the folder of such a model."""


def read_book(folder: Path) -> Book:
    """Read the ledger of a folder.

    Raises:
        BadOption: there is none, it is of another schema, or it is damaged.
    """
    path = folder / NAME
    try:
        data: object = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BadOption(
            f"{folder}: there is no {NAME}, so no edits are stored there; give a folder that was made by "
            "'assay edit --out' or 'assay edits --write'"
        ) from None
    except (OSError, ValueError) as error:
        raise BadOption(f"{path} cannot be read ({error}); put back a copy of it") from error
    said = cast(dict[str, object], data).get("schema") if isinstance(data, dict) else None
    if isinstance(said, int) and said != SCHEMA:
        raise BadOption(
            f"{path} has schema {said}, here it is {SCHEMA}; read it with the version of Assay that wrote it"
        )
    try:
        return from_plain(Book, data)
    except Mismatch as error:
        raise BadOption(f"{path} is no ledger of edits ({error}); put back a copy of it") from error


def write_book(folder: Path, book: Book) -> None:
    """Replace the ledger of a folder in one step, on the disk before this returns; raises CannotWrite."""
    path = folder / NAME
    partial = folder / f".{NAME}.{os.getpid()}.partial"
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(plain(book), file, indent=1, ensure_ascii=False, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise CannotWrite(
            f"{path} cannot be written ({error.strerror or error}); choose another place"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
