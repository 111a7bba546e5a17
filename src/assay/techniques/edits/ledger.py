"""A folder of saved edits that stand one on top of the other: stack them, take them out, measure them.

``ledger.json`` lists the entries, and each has its delta beside it (``0001.safetensors``, ...). Deltas are
written first and the list last, so that a process that is killed leaves the folder as it was before or after.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.core.answer import Change
from assay.core.codec import plain
from assay.core.edit import Edit
from assay.core.errors import BadOption, CannotWrite
from assay.model.changing.delta_files import load_delta, save
from assay.model.changing.deltas import Delta
from assay.model.changing.parameters import Model, base_hash
from assay.techniques.edits.chain import chained, merged
from assay.techniques.edits.ledger_file import NAME, SCHEMA, Book, Entry, read_book, write_book
from assay.techniques.edits.sizes import Size, sizes

_DELTA = re.compile(r"\d{4,}(-\d+)?\.safetensors(\.partial)?")


@dataclass(frozen=True)
class Made:
    """How an edit came about."""

    method: str
    setting: Mapping[str, Any]
    facts: tuple[Edit, ...]
    note: str = ""
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


@dataclass(frozen=True)
class Removed:
    """What a ledger is after entries were taken out."""

    ledger: "Ledger"
    entries: tuple[Entry, ...]
    """Those that were taken out."""
    leaning: tuple[Entry, ...]
    """Those that stay and were made while one of them was there; their facts may have leaned on it."""


@dataclass(frozen=True)
class Ledger:
    """The edits of one folder as they were when it was read or written; a change gives another ledger.

    Deltas that hold factors round differently from device to device, so the hashes of the chain are those of
    the device on which an entry was stacked. That of the base is the same everywhere.
    """

    folder: Path
    book: Book

    @classmethod
    def create(cls, folder: Path, base: str, target: Model) -> "Ledger":
        """An empty ledger for edits of a model, in a folder that is made if it is not there.

        Raises:
            BadOption: the folder holds a ledger.
            CannotWrite: the folder cannot be written.
        """
        # deltas without a list are none of ours, and would be swept out with the first entry
        if folder.is_dir() and any(f.name == NAME or _DELTA.fullmatch(f.name) for f in folder.iterdir()):
            raise BadOption(f"{folder} holds edits already; open it, or choose another folder")
        book = Book(SCHEMA, base, base_hash(target), 1)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"{folder} cannot be made ({error.strerror}); choose another place") from error
        write_book(folder, book)
        return cls(folder, book)

    @classmethod
    def open(cls, folder: Path) -> "Ledger":
        """The ledger of a folder; raises ``BadOption`` if there is none, or it cannot be read."""
        return cls(folder, read_book(folder))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """In the order in which they stand on each other."""
        return self.book.entries

    @property
    def facts(self) -> Mapping[str, tuple[int, Edit]]:
        """The newest entry of each fact, with what it makes of it."""
        return {edit.fact: (entry.number, edit) for entry in self.entries for edit in entry.facts}

    def entry(self, number: int) -> Entry:
        """The entry of a number; raises ``BadOption`` where there is none."""
        for entry in self.entries:
            if entry.number == number:
                return entry
        known = ", ".join(str(entry.number) for entry in self.entries) or "none"
        raise BadOption(f"{self.folder} has no entry {number}; it has {known}")

    def delta(self, entry: Entry) -> Delta:
        """The delta of an entry; raises ``BadOption`` for a file that is missing, damaged or another one."""
        path = self.folder / entry.file
        if not path.is_file():
            raise BadOption(f"{path} is missing, which entry {entry.number} needs; put back a copy of it")
        delta = load_delta(path)
        if delta.base != entry.base:
            raise BadOption(
                f"{path} belongs on other weights than entry {entry.number} does, so it is not the file that "
                "was stored; put back a copy of that one"
            )
        return delta

    def deltas(self) -> tuple[Delta, ...]:
        """All deltas in order, for ``Change(deltas=...)``; raises what ``delta`` raises."""
        return tuple(self.delta(entry) for entry in self.entries)

    def summary(self, entry: Entry, target: Model | None = None) -> tuple[Size, ...]:
        """What an entry does to each parameter; relative to the weights of a model if one is given."""
        return sizes(self.delta(entry), target)

    def check(self, target: Model) -> None:
        """Raise ``BadOption`` unless a model is the unedited one that this ledger belongs to."""
        if (found := base_hash(target)) != self.book.base_hash:
            raise BadOption(
                f"the edits in {self.folder} belong to '{self.book.base}' with the weights "
                f"{self.book.base_hash}, and this model's are {found}; give that model, unedited, in float32"
            )

    def repeated(self, facts: Sequence[Edit]) -> tuple[str, ...]:
        """A sentence on each fact that is stored with another value; the newest wins."""
        stored = self.facts
        return tuple(
            f"'{edit.fact}' is '{old.new}' by entry {number} and becomes '{edit.new}'; the newest edit wins"
            for edit in facts
            if edit.fact in stored
            for number, old in [stored[edit.fact]]
            if old.new != edit.new
        )

    def stack(self, target: Model, change: Change, made: Made) -> "Ledger":
        """Store a change that was made on the model with all entries on, as one entry on top of them.

        Args:
            target: the unedited model, which stays as it is.
            change: weights only; its deltas become one, to the bit, bound to what the entries before leave.
            made: how it came about.

        Raises:
            BadOption: the change is none of weights alone, or the model is not the base of this ledger.
            CannotWrite: the folder cannot be written.
        """
        if reason := why_not_saved(change):
            raise BadOption(reason)
        self.check(target)
        number = self.book.next
        one = merged(target, change.deltas, note=f"{made.method}, entry {number}")
        *_, last = chained(target, (*self.deltas(), one)).deltas
        facts = tuple(replace(edit, documents=()) for edit in made.facts)
        file = f"{number:04d}.safetensors"
        entry = Entry(number, file, last.base, made.method, plain(made.setting), made.time, facts, made.note)
        book = replace(self.book, next=number + 1, entries=(*self.entries, entry), written="")
        return self._with(book, {file: last})

    def remove(self, target: Model, numbers: Sequence[int]) -> Removed:
        """Take entries out. What came after is bound to what is now before it; what it adds stays the same.

        Raises:
            BadOption: no entry of a number, or the model is not the base of this ledger.
            CannotWrite: the folder cannot be written.
        """
        gone = tuple(self.entry(number) for number in dict.fromkeys(numbers))
        self.check(target)
        stay = [entry for entry in self.entries if entry not in gone]
        deltas = chained(target, [self.delta(entry) for entry in stay]).deltas
        kept: list[Entry] = []
        files: dict[str, Delta] = {}
        for entry, delta in zip(stay, deltas, strict=True):
            missed = tuple(one.number for one in gone if one.number < entry.number)
            moved = replace(entry, base=delta.base, made_on=tuple(sorted({*entry.made_on, *missed})))
            if delta.base != entry.base:
                # under a new name, because until the list is written the old one is what counts
                moved = replace(moved, file=_next_name(entry.file))
                files[moved.file] = delta
            kept.append(moved)
        ledger = self._with(replace(self.book, entries=tuple(kept), written=""), files)
        lost = {one.number for one in gone}
        return Removed(ledger, gone, tuple(entry for entry in kept if lost & set(entry.made_on)))

    def _with(self, book: Book, files: Mapping[str, Delta]) -> "Ledger":
        """Write new deltas, then the list, then sweep out what it no longer names."""
        if read_book(self.folder) != self.book:
            raise BadOption(f"{self.folder} has been changed since it was read; open it again")
        for name, delta in files.items():
            save(delta, self.folder / name)
        write_book(self.folder, book)
        named = {entry.file for entry in book.entries}
        for path in self.folder.iterdir():
            if _DELTA.fullmatch(path.name) and path.name not in named:
                path.unlink(missing_ok=True)
        return Ledger(self.folder, book)


def why_not_saved(change: Change) -> str:
    """Why a change cannot be stored with a model's weights, in a sentence; empty if it can.

    >>> why_not_saved(Change(table=lambda prompt: None))
    'this edit works by a table in front of the model, and only changes of weights can be saved'
    """
    other = [
        what
        for there, what in (
            (bool(change.hooks), "changes of activations while the model runs"),
            (change.context is not None, "a context in front of every text"),
            (change.table is not None, "a table in front of the model"),
        )
        if there
    ]
    if other:
        return f"this edit works by {' and '.join(other)}, and only changes of weights can be saved"
    return "" if change.deltas else "this edit changes nothing, so there is nothing to save"


def _next_name(file: str) -> str:
    """The name of a delta's next version.

    >>> _next_name("0003.safetensors"), _next_name("0003-1.safetensors")
    ('0003-1.safetensors', '0003-2.safetensors')
    """
    number, _, version = file.removesuffix(".safetensors").partition("-")
    return f"{number}-{int(version or 0) + 1}.safetensors"
