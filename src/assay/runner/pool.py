"""The processes that do the work: one for each core, or none but this one."""

import multiprocessing
import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from queue import Empty
from types import TracebackType
from typing import Any, Self

import torch

from assay.runner.options import Options
from assay.runner.work import Report, start_process

POLL_SECONDS = 0.2
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Read by the libraries beneath NumPy when they are loaded, in a new process before any code of ours.

With threads for every core in each process, small products wait for one another: on two cores the fits of
``bag_of_tokens`` took four times as long.
"""


class Pool:
    """Runs functions ``work(*args, report)`` side by side and passes on what they report.

    A GPU gets a single process, for it is shared badly; otherwise each process has its share of the cores.
    """

    def __init__(self, options: Options, on_report: Report) -> None:
        self._on_report = on_report
        self._workers = _workers(options)
        self._pool: ProcessPoolExecutor | None = None
        self._manager: Any = None
        self._scope = ExitStack()

    def __enter__(self) -> Self:
        if self._workers:
            context = multiprocessing.get_context("spawn")
            threads = max(1, len(os.sched_getaffinity(0)) // self._workers)
            self._scope.enter_context(_threads_of_children(threads))
            self._manager = context.Manager()
            self._queue = self._manager.Queue()
            self._pool = ProcessPoolExecutor(self._workers, context, start_process, (threads,))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _value: object, _trace: TracebackType | None
    ) -> None:
        if self._pool is None:
            return
        if kind is not None:
            # the store survives a kill at any instant, so nothing is lost by not waiting
            for process in list(self._pool._processes.values()):  # pyright: ignore[reportPrivateUsage]
                process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._manager.shutdown()
        self._scope.close()

    def run_all(self, work: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run the work once for each tuple of arguments; raise the first error that occurs."""
        if self._pool is None:
            return [work(*call, self._on_report) for call in calls]
        futures = [self._pool.submit(work, *call, _QueueReport(self._queue)) for call in calls]
        waiting: set[Future[Any]] = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=POLL_SECONDS)
            self._pass_on()
            for future in done:
                future.result()
        return [future.result() for future in futures]

    def _pass_on(self) -> None:
        while True:
            try:
                self._on_report(*self._queue.get_nowait())
            except Empty:
                return


class _QueueReport:
    """Sends reports to the parent; it can be pickled."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def __call__(self, what: str, amount: float) -> None:
        self._queue.put((what, amount))


@contextmanager
def _threads_of_children(number: int) -> Generator[None]:
    """Processes that are started here have so many threads each in every library for linear algebra."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(number)))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            os.environ.update({} if value is None else {name: value})


def _workers(options: Options) -> int:
    if options.workers is not None:
        return options.workers
    if options.device.startswith("cuda") or (options.device == "auto" and torch.cuda.is_available()):
        return 1
    return len(os.sched_getaffinity(0))
