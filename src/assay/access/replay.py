"""Many methods that read the same texts cost one pass, and each is billed as if it had run alone."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar, final

from torch import Tensor

from assay.access.request import Billed, Request
from assay.access.source import Permit, Source
from assay.core.price import Price
from assay.cost import Stopwatch
from assay.model.engine import Engine
from assay.model.generate import Reply

T = TypeVar("T")


@dataclass(frozen=True)
class _Memory:
    result: Any
    counted: Price
    """Counts and operations of what was run."""
    measured: Price
    """Seconds and memory of what was run."""
    n_bytes: int


@final
class Replay(Source):
    """Remembers results in memory, least recently used forgotten first, up to ``at_most_bytes``.

    A request is first widened (last-token activations to all layers), run once, and remembered under a hash
    of the call, its texts and its arguments. Counts and operations on a bill are always those of the request
    alone. Seconds are those measured at the one run, times the request's share of its operations:
    ``seconds = measured · flops(request) / flops(widened)``. Memory is that of the one run.

    The model must not change while it is remembered; call ``forget`` if it does.
    """

    def __init__(self, engine: Engine, at_most_bytes: int = 2**30) -> None:
        super().__init__(engine)
        self._at_most = at_most_bytes
        self._held = 0
        self._memories: OrderedDict[bytes, _Memory] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """Size of all that is remembered."""
        return self._held

    def forget(self) -> None:
        """Remember nothing."""
        self._memories.clear()
        self._held = 0

    def answer(self, request: Request[T], permit: Permit) -> Billed[T]:
        """Recall or run; a copy of the result, and the price of the request alone."""
        quote = request.quote(self.engine)
        permit(quote)
        wide = request.widened(self.engine)
        memory = self._recall(wide)
        result = request.narrowed(memory.result)
        if wide == request:
            return Billed(result, memory.counted + memory.measured)
        share = quote.flops / memory.counted.flops
        return Billed(result, quote + memory.measured.scaled(share))

    def _recall(self, request: Request[Any]) -> _Memory:
        key = hashlib.blake2b(repr(request).encode("utf-8", "surrogatepass"), digest_size=20).digest()
        if key in self._memories:
            self._memories.move_to_end(key)
            return self._memories[key]
        with Stopwatch(self.engine.device) as watch:
            billed = request.answer(self.engine)
        size = _size(billed.result) if request.remembered else 0
        memory = _Memory(billed.result, billed.price, watch.price, size)
        if request.remembered:
            self._remember(key, memory)
        return memory

    def _remember(self, key: bytes, memory: _Memory) -> None:
        if memory.n_bytes > self._at_most:
            return
        self._memories[key] = memory
        self._held += memory.n_bytes
        while self._held > self._at_most:
            self._held -= self._memories.popitem(last=False)[1].n_bytes


def _size(result: Any) -> int:
    if isinstance(result, Tensor):
        return result.nbytes
    if isinstance(result, Reply):
        return 4 * len(result.text) + 64  # at most 4 bytes a character, and the object around it
    if is_dataclass(result):
        return sum(_size(getattr(result, field.name)) for field in fields(result))
    if isinstance(result, int | float):
        return 8
    return sum(map(_size, result))
