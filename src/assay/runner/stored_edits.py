"""The edits that a folder holds, with the model that they belong to: what ``assay edits`` shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from assay.access import open_handle
from assay.core import Access
from assay.core.errors import BadOption
from assay.model.engine import Engine
from assay.model.load import load
from assay.organisms.planting.base import EMBEDDED, embedded_weights
from assay.techniques.edits.audit import Audited, ask, audit
from assay.techniques.edits.ledger import Ledger, Removed
from assay.techniques.edits.ledger_file import Entry
from assay.techniques.edits.sizes import Size
from assay.techniques.edits.written import INSIDE, check_written, find_ledger, write_model


@dataclass(frozen=True)
class Stored:
    """A folder of saved edits, or an edited model that holds them. Models are opened when they are needed."""

    ledger: Ledger
    base: str
    """The unedited model, by name or folder."""
    device: str
    model: Path | None = None
    """The edited model that the ledger lies inside of, if it does."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """In the order in which they stand on each other."""
        return self.ledger.entries

    def summary(self, entry: Entry, *, against_base: bool = False) -> tuple[Size, ...]:
        """What an entry does to each parameter; relative to the base's weights only if it is to be opened."""
        return self.ledger.summary(entry, self._unedited if against_base else None)

    def audit(self) -> tuple[Audited, ...]:
        """Ask for every stored fact: an edited model as it lies there, or the base with all edits on.

        Raises:
            BadOption: the model is not the one that the ledger belongs to, or a delta is damaged.
            ModelError: the model cannot be opened.
        """
        if self.model is not None:
            engine = load(self.model, device=self.device, dtype=torch.float32)
            check_written(self.ledger, engine)
            return ask(open_handle(engine, Access.GREY), self.entries)
        self.ledger.check(self._unedited)
        return audit(open_handle(self._unedited, Access.WHITE), self.ledger)

    def remove(self, numbers: Sequence[int]) -> tuple["Stored", Removed]:
        """Take entries out, and say what was taken and which entries were made on top of it.

        Raises:
            BadOption: no entry of a number, another base, or edits that are written into a model.
            ModelError: the base cannot be opened.
            CannotWrite: the folder cannot be written.
        """
        if self.model is not None:
            raise BadOption(
                f"{self.model} has its edits written into its weights; remove them from a copy of "
                f"{self.ledger.folder} and write the model again with 'assay edits COPY --write'"
            )
        for number in numbers:
            self.ledger.entry(number)  # a wrong number should not cost the loading of a model
        removed = self.ledger.remove(self._unedited, numbers)
        left = Stored(removed.ledger, self.base, self.device)
        vars(left)["_unedited"] = self._unedited
        return left, removed

    def write(self, out: Path) -> Path:
        """Write the base with all edits on, and the ledger inside, as a Hugging Face folder.

        Raises:
            BadOption: another base, a damaged delta, or a folder that is not empty.
            ModelError: the base cannot be opened.
            CannotWrite: the folder cannot be written.
        """
        write_model(self.ledger, self._unedited, out)
        return out

    @cached_property
    def _unedited(self) -> Engine:
        path = embedded_weights() if self.base == EMBEDDED else self.base
        return load(path, device=self.device, dtype=torch.float32)


def stored_edits(folder: Path, base: str | None = None, device: str = "auto") -> Stored:
    """What a folder has stored; raises ``BadOption`` where there is no ledger that can be read.

    Args:
        folder: of edits, or of an edited model.
        base: the unedited model, where it is no longer found under the name in the ledger.
        device: to open models on.
    """
    ledger = find_ledger(folder)
    model = folder if ledger.folder == folder / INSIDE else None
    return Stored(ledger, base or ledger.book.base, device, model)
