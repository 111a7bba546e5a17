"""The state of a training run on the disk, so that one that was ended goes on where it was."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from assay.core.errors import BadOption, CannotWrite, StoreError

_EVERY_S = 30.0
_PLAN = "plan"


@final
class Checkpoint:
    """One file in a folder; none without a folder."""

    def __init__(self, folder: Path | None, plan: Mapping[str, Any]) -> None:
        """``plan`` says what is trained: a state of something else is refused."""
        self._file = folder / "training.safetensors" if folder else None
        self._plan, self._last = json.dumps(plan, sort_keys=True), time.monotonic()

    def read(self, device: torch.device) -> dict[str, Tensor]:
        """What was kept last; empty at the beginning.

        Raises:
            BadOption: the folder holds the state of another plan.
            StoreError: the file cannot be read.
        """
        if self._file is None or not self._file.exists():
            return {}
        try:
            with safe_open(self._file, "pt", device=str(device)) as file:  # pyright: ignore[reportUnknownVariableType]
                kept, names = (file.metadata() or {}).get(_PLAN), list(file.keys())
                found = {name: file.get_tensor(name) for name in names}
        except (OSError, SafetensorError) as error:
            raise StoreError(f"{self._file} cannot be read ({error}); remove it to begin anew") from error
        if kept != self._plan:
            raise BadOption(
                f"{self._file.parent} holds another dictionary's training; use another folder or remove it "
                f"(there: {kept}; asked for: {self._plan})"
            )
        return found

    def write(self, tensors: Callable[[], Mapping[str, Tensor]], *, now: bool = False) -> None:
        """Keep a state if the last one is half a minute old, or ``now``; raises CannotWrite."""
        if self._file is None or not (now or time.monotonic() - self._last > _EVERY_S):
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new = self._file.with_suffix(".new")
            whole = {name: tensor.contiguous() for name, tensor in tensors().items()}
            save_file(whole, new, {_PLAN: self._plan})
            new.replace(self._file)
        except OSError as error:
            reason = error.strerror or error
            raise CannotWrite(
                f"cannot write {self._file}: {reason}; make room or choose another folder"
            ) from error
        self._last = time.monotonic()
