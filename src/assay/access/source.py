"""Where the answers of a handle come from."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar, final

from assay.access.request import Billed, Request
from assay.core.price import Price
from assay.cost import Stopwatch
from assay.model.engine import Engine

T = TypeVar("T")
Permit = Callable[[Price], None]
"""Told what a request will cost at most, before any work; raises to refuse it."""


class Source(ABC):
    """Answers requests about one model and says what each costs if it runs alone."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @abstractmethod
    def answer(self, request: Request[T], permit: Permit) -> Billed[T]:
        """The result, and its whole price: counts, operations, seconds and memory."""


@final
class Live(Source):
    """Runs every request on the model."""

    def answer(self, request: Request[T], permit: Permit) -> Billed[T]:
        """Run it and measure, reading the texts included."""
        with Stopwatch(self.engine.device) as watch:
            permit(request.quote(self.engine))
            billed = request.answer(self.engine)
        return Billed(billed.result, billed.price + watch.price)
