"""Adds up what one run cost, preparation and use apart."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

import torch

from assay.core.price import Price
from assay.cost.stopwatch import Stopwatch

Stage = Literal["prepare", "use"]


class Meter:
    """The bill of one run.

    Seconds are never counted twice: work inside ``apart`` or inside a nested ``measure`` is taken out of the
    surrounding one. A handle therefore runs each call in ``apart`` and charges the call's own price, which
    may have been measured earlier, while ``measure`` around a method counts the method's own computation.

    >>> meter = Meter()
    >>> meter.charge(Price(queries=2))
    >>> with meter.stage("use"):
    ...     meter.charge(Price(queries=1))
    >>> meter.prepare.queries, meter.use.queries, meter.spent.queries
    (2, 1, 3)
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self._device = device
        self._stage: Stage = "prepare"
        self._bills: dict[Stage, Price] = {"prepare": Price(), "use": Price()}
        self._watches: list[tuple[Stage, Stopwatch]] = []

    @property
    def prepare(self) -> Price:
        """What preparation cost: everything before the answer is put to use."""
        return self._bill("prepare")

    @property
    def use(self) -> Price:
        """What using the answer cost."""
        return self._bill("use")

    @property
    def spent(self) -> Price:
        """Both stages together, measurements still running included."""
        return self.prepare + self.use

    def charge(self, price: Price) -> None:
        """Add a price to the current stage."""
        self._bills[self._stage] += price

    @contextmanager
    def stage(self, stage: Stage) -> Generator[None]:
        """Charge what happens inside to this stage; a new meter is in ``prepare``."""
        before, self._stage = self._stage, stage
        try:
            yield
        finally:
            self._stage = before

    @contextmanager
    def measure(self) -> Generator[None]:
        """Measure what happens inside and add it to the stage that is current at the start."""
        stage, watch = self._stage, Stopwatch(self._device)
        with self.apart():
            self._watches.append((stage, watch))
            try:
                with watch:
                    yield
            finally:
                self._watches.pop()
                self._bills[stage] += watch.price

    @contextmanager
    def apart(self) -> Generator[None]:
        """Keep what happens inside out of the surrounding ``measure``."""
        watch = self._watches[-1][1] if self._watches else None
        if watch is not None:
            watch.pause()
        try:
            yield
        finally:
            if watch is not None:
                watch.resume()

    def _bill(self, stage: Stage) -> Price:
        running = (watch.price for owner, watch in self._watches if owner == stage)
        return sum(running, self._bills[stage])
