"""What the models of a book score after every recovery: measured one by one, and kept, for it takes long."""

import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from assay.core import Change, Curriculum
from assay.core.errors import NotApplicable
from assay.core.exam import FORMS
from assay.jobs._unlearn_judging import Examiner, Marks, Recovered, stored
from assay.results.disk import make_folder, write_file

UNTOUCHED, ORACLE = "untouched", "oracle"
ASKED, OVER = "asked", "over"
"""Of each item of the book: questions, and after each try the credit above what guessing earns."""
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Unit:
    """One model after one recovery."""

    who: str
    """``untouched``, or a kind of retraining with the number of the model."""
    recovery: str

    @property
    def retrained(self) -> bool:
        """Whether the model never read the book."""
        return self.who != UNTOUCHED


class Kept:
    """What was measured so far, in a folder of its own; without one everything is measured anew."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def of(self, unit: Unit, measured: Callable[[], Arrays]) -> Arrays:
        """The arrays of a unit, from the folder or measured now; raises CannotWrite."""
        if self._folder is None:
            return measured()
        file = self._folder / f"{unit.who}.{unit.recovery}.npz"
        try:
            with np.load(BytesIO(file.read_bytes())) as found:
                return {name: found[name] for name in found.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):  # none yet, or one that is damaged
            arrays = measured()
        make_folder(self._folder)
        write_file(file, packed(arrays))
        return arrays

    def forget(self) -> None:
        """Remove the folder, once a proof holds all that is in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def packed(arrays: Arrays) -> bytes:
    """Arrays as the content of a file."""
    content = BytesIO()
    np.savez_compressed(content, **dict(arrays))  # pyright: ignore[reportArgumentType]
    return content.getvalue()


def units(book: Curriculum) -> list[Unit]:
    """All that a proof measures: the untouched model after what reaches weights, retrained ones after all."""
    through = [name for name, recovery in book.recoveries.items() if recovery.through == "weights"]
    models = [f"{kind}.{n}" for kind, found in book.oracles.items() for n in range(len(found))]
    return [
        *(Unit(UNTOUCHED, name) for name in through),
        *(Unit(who, name) for name in book.recoveries for who in models),
    ]


def measure_half(
    handle: Any, book: Curriculum, kept: Kept, second: bool, progress: Callable[[float], None]
) -> None:
    """Measure every second unit, so that two processes can share the work."""
    examiner, mine = Examiner(handle, book), units(book)[second::2]
    for number, unit in enumerate(mine, start=1):
        measured(examiner, book, unit, kept)
        progress(number / len(mine))


def measured(examiner: Examiner, book: Curriculum, unit: Unit, kept: Kept) -> Arrays:
    """What a model scores after a recovery; nothing where the recovery finds no hold on it.

    Retrained models sit no exam but the book's.
    """

    def arrays() -> Arrays:
        recovery, change = book.recoveries[unit.recovery], _change(book, unit.who)
        try:
            found = examiner.recovered(change, unit.recovery, recovery, everybody=not unit.retrained)
        except NotApplicable:
            return {}
        name = f"{ORACLE if unit.retrained else UNTOUCHED}_{unit.recovery}"
        return {**dict(stored(found, name)), **_above(examiner, found)}

    return kept.of(unit, arrays)


def over_chance(examiner: Examiner, marks: Mapping[str, Marks], role: str) -> tuple[np.ndarray, np.ndarray]:
    """For each item of a role: questions asked, and the credit above what guessing among options earns."""
    held = examiner.of((role,))
    asked = sum((marks[form][held, 0] for form in FORMS), np.zeros(int(held.sum())))
    over = sum((marks[form][held, 1] - marks[form][held, 3] for form in FORMS), np.zeros(int(held.sum())))
    return asked, over


def _above(examiner: Examiner, found: Recovered) -> Arrays:
    tries = [over_chance(examiner, one.marks, "self") for one in found.tries]
    return {ASKED: tries[0][0], OVER: np.stack([over for _, over in tries])}


def _change(book: Curriculum, who: str) -> Change:
    if who == UNTOUCHED:
        return Change()
    kind, _, number = who.partition(".")
    return Change(deltas=(book.oracles[kind][int(number)].delta,))
