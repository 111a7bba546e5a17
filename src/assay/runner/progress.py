"""Progress for people: stages with a bar, the time taken and the time left."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


class Progress:
    """One bar for each stage; on anything but a terminal, one line for each finished stage."""

    def __init__(self, show: bool) -> None:
        console = Console(stderr=True, quiet=not show)
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[what]}"),
            console=console,
            disable=not (show and console.is_terminal),
        )
        self._done: dict[str, float] = {}
        self._task = self._bars.add_task("", visible=False, what="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: object, _trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    @contextmanager
    def stage(self, title: str, total: int) -> Generator[None]:
        """Everything noted inside counts towards one bar."""
        started = time.perf_counter()
        self._done = {}
        self._task = self._bars.add_task(title, total=total, what="")
        yield
        self._bars.update(self._task, completed=total, what="")
        if not self._console.is_terminal:
            self._console.print(f"{title}: {total} done in {time.perf_counter() - started:.0f} s")

    def note(self, what: str, amount: float) -> None:
        """Say how much of one part of the stage is done; a later amount replaces the earlier."""
        self._done[what] = amount
        self._bars.update(self._task, completed=round(sum(self._done.values()), 2), what=what)
