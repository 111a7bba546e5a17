"""A run folder: every record in it is whole, whatever happened to the process that wrote it.

It holds run.json, records/<id>.json, arrays/<id>.safetensors, exhibits/<id>.json, organisms/<id>.json,
cases/<id>.json, locks/ and quarantine/. A record is committed when its JSON appears. The arrays are on the
disk before that, and the JSON carries their checksum; so is the exhibit, which no number is made from.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import safetensors
from safetensors.numpy import load, save

from assay.core import SCHEMA, Case, OrganismCard, Record
from assay.core.codec import Mismatch, build, dumps
from assay.core.errors import BadOption, CannotWrite, DamagedRecord, OldSchema, StoreError
from assay.results import locks
from assay.results.disk import cannot_write, make_folder, remove_file, sweep, write_file

FOLDERS = ("records", "arrays", "exhibits", "organisms", "cases", "locks", "quarantine")
Arrays = Mapping[str, np.ndarray]
T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9@=+_~-][A-Za-z0-9@=+_~.-]{0,180}")


@dataclass(frozen=True)
class Damage:
    """A record that could not be read and was moved to ``quarantine/``."""

    run_id: str
    reason: str


class Store:
    """A run folder, opened. Several processes may write into one folder at the same time."""

    def __init__(self, path: Path, run: Mapping[str, Any]) -> None:
        """Use ``Store.create`` or ``Store.open``."""
        self.path = path
        self._run = run
        self._unmoved: dict[str, Damage] = {}

    @classmethod
    def create(cls, path: Path | str, plan: Any) -> "Store":
        """Make a run folder for a plan, or open the one that already holds a plan of the same conditions.

        A plan with more organisms or methods is added to what the folder holds.

        Raises ``BadOption`` if the folder's conditions are others and ``CannotWrite`` if it cannot be made.
        """
        path = Path(path)
        if (path / "run.json").exists():
            store = cls.open(path)
            if dumps(_conditions(store.plan)) != dumps(_conditions(plan)):
                raise BadOption(f"{path} holds the runs of another plan; choose another folder or remove it")
            return store._extended(plan)
        for name in FOLDERS:
            make_folder(path / name)
        run = {"schema": SCHEMA, "created": datetime.now(UTC).isoformat(timespec="seconds"), "plan": plan}
        write_file(path / "run.json", dumps(run).encode())
        return cls.open(path)

    @classmethod
    def open(cls, path: Path | str) -> "Store":
        """Open a run folder. Raises ``StoreError`` if it is none, ``OldSchema`` if of another version."""
        path = Path(path)
        run = _read_json(path / "run.json", f"{path} is not a run folder; give the folder of a finished run")
        _check_schema(run.get("schema"), path / "run.json")
        for name in FOLDERS:
            sweep(path / name)
        return cls(path, run)

    def _extended(self, plan: Any) -> "Store":
        """Add the organisms and methods of another plan to the folder's description."""
        merged = _merged(self.plan, plan)
        if dumps(merged) == dumps(self.plan):
            return self
        run = {**self._run, "plan": merged}
        write_file(self.path / "run.json", dumps(run).encode())
        return Store(self.path, run)

    @property
    def plan(self) -> Any:
        """The plan of the run, as JSON."""
        return self._run["plan"]

    @property
    def created(self) -> str:
        """When the folder was made, UTC, ISO 8601."""
        return str(self._run["created"])

    def write(
        self, record: Record, arrays: Arrays | None = None, exhibit: Mapping[str, Any] | None = None
    ) -> None:
        """Commit a record with its arrays and what a report may show, in place of an earlier one of its id.

        Raises ``CannotWrite``; nothing of the record is then visible. Raises ``BadOption`` for an id that
        cannot be a file's name, or for an array that safetensors cannot hold.
        """
        target, array_file = self._file("records", record.run_id), self._file("arrays", record.run_id)
        content = _pack(arrays or {}, record.run_id)
        body = {"record": record, "arrays": _digest(content) if content else ""}
        text = dumps({**body, "checksum": _digest(dumps(body).encode())})
        # an earlier commit goes first: between the two files it would name the wrong arrays
        remove_file(target)
        if not content:
            remove_file(array_file)
        else:
            write_file(array_file, content)
        if exhibit:
            make_folder(self.path / "exhibits")  # absent where an earlier version made the run folder
            write_file(self._file("exhibits", record.run_id), dumps(exhibit).encode())
        write_file(target, text.encode())

    def records(self) -> tuple[Record, ...]:
        """Read all whole records, sorted by id; damaged ones move to quarantine (see ``damaged``)."""
        ids = sorted(f.name.removesuffix(".json") for f in (self.path / "records").glob("[!.]*.json"))
        return tuple(record for record in map(self._record, ids) if record is not None)

    def arrays(self, run_id: str) -> dict[str, np.ndarray]:
        """Read the arrays of a record; empty if it was written without any."""
        file = self._file("arrays", run_id)
        try:
            return load(file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, safetensors.SafetensorError) as error:
            raise DamagedRecord(f"{file} cannot be read ({error}); remove it and run again") from error

    def exhibit(self, run_id: str) -> dict[str, Any]:
        """What a report may show of a run's answer; may be empty. Raises ``DamagedRecord``."""
        file = self._file("exhibits", run_id)
        return _read(file, dict) if file.exists() else {}

    def holds(self, run_id: str) -> bool:
        """Tell whether a record of this id is committed, without reading it."""
        return self._file("records", run_id).exists()

    def missing(self, run_ids: Iterable[str]) -> tuple[str, ...]:
        """Of these ids, list those without a whole record, in the given order."""
        return tuple(run_id for run_id in run_ids if not self.holds(run_id) or self._record(run_id) is None)

    def damaged(self) -> tuple[Damage, ...]:
        """List every record that was ever found damaged, sorted by id.

        Where the folder is read-only the damaged files stay in place, and this store alone remembers them.
        """
        notes = (self.path / "quarantine").glob("[!.]*.damage")
        moved = {n.name.removesuffix(".damage"): _read(n, lambda data: build(Damage, data)) for n in notes}
        return tuple(damage for _, damage in sorted({**self._unmoved, **moved}.items()))

    def claim(self, run_id: str) -> AbstractContextManager[bool]:
        """Hold a run while the block runs; the value is False if another process (or thread) holds it."""
        return locks.claim(self._file("locks", run_id))

    def write_organism(self, card: OrganismCard) -> None:
        """Store the card of an organism under its id."""
        write_file(self._file("organisms", card.id), dumps(card).encode())

    def organisms(self) -> tuple[OrganismCard, ...]:
        """Read all cards, sorted by id. Raises ``DamagedRecord`` naming the file."""
        files = sorted((self.path / "organisms").glob("[!.]*.json"))
        return tuple(_read(file, lambda data: build(OrganismCard, data)) for file in files)

    def write_cases(self, organism: str, cases: Sequence[Case]) -> None:
        """Store the cases of an organism, in the order that its arrays follow."""
        write_file(self._file("cases", organism), dumps(list(cases)).encode())

    def cases(self, organism: str) -> tuple[Case, ...]:
        """Read the cases of an organism; empty if none are stored. Raises ``DamagedRecord``."""
        file = self._file("cases", organism)
        if not file.exists():
            return ()
        return _read(file, lambda data: tuple(build(Case, item) for item in data))

    def _file(self, folder: str, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise BadOption(f"'{name}' cannot be the name of a file; use letters, digits and . _ - = + @ ~")
        suffix = {"arrays": "safetensors", "locks": "lock"}.get(folder, "json")
        return self.path / folder / f"{name}.{suffix}"

    def _record(self, run_id: str) -> Record | None:
        """Read one record; None if it is gone or damaged."""
        try:
            return self._verified(run_id)
        except FileNotFoundError:
            return None
        except (Mismatch, DamagedRecord) as error:
            damage = Damage(run_id, str(error))
        try:
            with self.claim(run_id) as mine:
                return self._second_look(run_id) if mine else None
        except CannotWrite:
            self._unmoved[run_id] = damage
            return None

    def _second_look(self, run_id: str) -> Record | None:
        """Read again while nobody can write: a writer may have been between its two files."""
        try:
            return self._verified(run_id)
        except FileNotFoundError:
            return None
        except (Mismatch, DamagedRecord) as error:
            self._quarantine(Damage(run_id, str(error)))
            return None

    def _verified(self, run_id: str) -> Record:
        """Read one record and check everything about it."""
        file, array_file = self._file("records", run_id), self._file("arrays", run_id)
        data = _parse(file.read_bytes())
        if set(data) != {"record", "arrays", "checksum"}:
            raise Mismatch("it is not a record")
        checksum = data.pop("checksum")
        if checksum != _digest(dumps(data).encode()):
            raise Mismatch("its checksum is wrong")
        _check_schema(data["record"].get("schema"), file)
        if data["arrays"]:
            if not array_file.exists():
                raise DamagedRecord("its arrays are missing")
            if _digest(array_file.read_bytes()) != data["arrays"]:
                raise DamagedRecord("the checksum of its arrays is wrong")
        record = build(Record, data["record"])
        if record.run_id != run_id:
            raise Mismatch(f"it calls itself '{record.run_id}'")
        return record

    def _quarantine(self, damage: Damage) -> None:
        """Move both files of a record aside, with a note that says why."""
        note = self.path / "quarantine" / f"{damage.run_id}.damage"
        write_file(note, dumps(damage).encode())
        for folder in ("arrays", "records"):
            file = self._file(folder, damage.run_id)
            try:
                file.replace(note.with_name(file.name))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise cannot_write(file, error) from error


def _pack(arrays: Arrays, run_id: str) -> bytes:
    """Serialise arrays by sorted name; empty where there are none."""
    try:
        ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
        return save(ordered) if ordered else b""
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise BadOption(f"{run_id}: arrays must be numeric numpy arrays ({error})") from error


def _conditions(plan: Any) -> Any:
    """What must agree for runs to share a folder; a plan that does not name it must agree altogether."""
    return plan["conditions"] if isinstance(plan, Mapping) and "conditions" in plan else plan


def _merged(old: Any, new: Any) -> Any:
    """The old plan with the organisms and methods that only the new one has."""
    if not isinstance(old, Mapping) or "conditions" not in old:
        return old
    organisms = {o["id"]: o for plan in (new, old) for o in plan.get("organisms", ())}
    methods = {**new.get("methods", {}), **old.get("methods", {})}
    return {**old, "organisms": [organisms[key] for key in sorted(organisms)], "methods": methods}


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _check_schema(schema: object, file: Path) -> None:
    if schema != SCHEMA:
        raise OldSchema(
            f"{file} was written under schema {schema}, this version of assay reads schema {SCHEMA}; "
            "read it with the version that wrote it, or run again in a new folder"
        )


def _parse(content: bytes) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except ValueError as error:  # bad JSON and bad UTF-8 alike
        raise Mismatch(f"it is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Mismatch("it is not an object")
    return data


def _read_json(file: Path, otherwise: str) -> dict[str, Any]:
    try:
        return _parse(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StoreError(otherwise) from error
    except (OSError, Mismatch) as error:
        raise DamagedRecord(f"{file} cannot be read: {error}") from error


def _read(file: Path, parse: Callable[[Any], T]) -> T:
    try:
        return parse(json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise DamagedRecord(f"{file} cannot be read: {error}; remove it and run again") from error
