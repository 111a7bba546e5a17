"""Measures one piece of work: wall, CPU and GPU seconds, and the most memory it held at once."""

import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import torch

from assay.core.price import Price

if sys.platform != "win32":
    import resource

_SAMPLE_EVERY_S = 0.005
_STATM = Path("/proc/self/statm")


class Stopwatch:
    """A context manager that can be paused; afterwards ``price`` holds what was measured.

    Memory is the high-water mark above the level at the start. On a GPU it is torch's own peak. On a CPU it
    is the resident set, sampled every 5 ms on Linux, so shorter peaks can be missed; on other systems it is
    the growth of the process's all-time peak, so a peak below an earlier one reads as 0 (on Windows always).

    >>> with Stopwatch() as watch:
    ...     total = sum(range(1000))
    >>> watch.price.wall_s > 0
    True
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self._cuda = device if device is not None and device.type == "cuda" else None
        self._done = Price()
        self._segment: _Segment | None = None

    def __enter__(self) -> "Stopwatch":
        self.resume()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def resume(self) -> None:
        """Go on measuring; does nothing while running."""
        if self._segment is None:
            self._segment = _Segment(self._cuda)

    def pause(self) -> None:
        """Stop measuring for a while; does nothing while paused."""
        if self._segment is not None:
            self._done, self._segment = self._done + self._segment.finish(), None

    @property
    def price(self) -> Price:
        """What was measured so far; of a running piece only its wall and CPU seconds."""
        return self._done if self._segment is None else self._done + self._segment.so_far()


class _Segment:
    """One uninterrupted piece of measuring."""

    def __init__(self, cuda: torch.device | None) -> None:
        self._cuda = cuda
        if cuda is not None:
            torch.cuda.reset_peak_memory_stats(cuda)
            self._bytes_at_start = torch.cuda.memory_allocated(cuda)
            self._events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
            self._events[0].record(torch.cuda.current_stream(cuda))
        else:
            self._memory = _ResidentPeak()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def so_far(self) -> Price:
        return Price(wall_s=time.perf_counter() - self._wall, cpu_s=time.process_time() - self._cpu)

    def finish(self) -> Price:
        if self._cuda is None:
            return self.so_far() + Price(peak_bytes=self._memory.stop())
        self._events[1].record(torch.cuda.current_stream(self._cuda))
        self._events[1].synchronize()
        peak = torch.cuda.max_memory_allocated(self._cuda) - self._bytes_at_start
        gpu_s = self._events[0].elapsed_time(self._events[1]) / 1000
        return self.so_far() + Price(gpu_s=gpu_s, peak_bytes=max(peak, 0))


class _ResidentPeak:
    """Watches the resident set from a thread of its own until stopped."""

    def __init__(self) -> None:
        self._start = self._high = _resident_bytes()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._stopped.wait(_SAMPLE_EVERY_S):
            self._high = max(self._high, _resident_bytes())

    def stop(self) -> int:
        self._stopped.set()
        self._thread.join()
        return max(self._high, _resident_bytes()) - self._start


def _resident_bytes() -> int:
    if sys.platform == "win32":
        return 0
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
