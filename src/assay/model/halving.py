"""Passes that shrink until they fit into memory."""

import gc
import warnings
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import torch

from assay.core.errors import ModelError
from assay.model.batching import batches

T = TypeVar("T")
_ADVICE = (
    "give fewer or shorter texts, or open the model with dtype=bfloat16, with device=sharded or where there "
    "is more memory"
)
_FULL = ("out of memory", "not enough memory", "can't allocate memory", "cublas_status_alloc_failed")
"""What allocators of devices and libraries that have no exception of their own say."""


class BatchHalved(UserWarning):
    """A batch did not fit into memory; the work goes on with smaller ones."""


class Pace(Protocol):
    """Whoever owns the size of a pass, usually the engine."""

    batch_tokens: int


def in_groups(
    pace: Pace,
    lengths: Mapping[int, int],
    work: Callable[[list[int]], None],
    *,
    rows: int | None = None,
    tokens: int | None = None,
    times: int = 1,
    what: str = "text",
) -> None:
    """Do some work on all texts, whose numbers and lengths are given, in groups that fit into memory.

    A rectangle holds at most ``times * pace.batch_tokens`` tokens, ``tokens`` and ``rows``. The longest texts
    go first: what does not fit is known before much is done. A group that runs out of memory is done again
    in groups of at most half its rectangle, what is left with it; ``pace`` keeps the smaller size, and the
    user is told (``BatchHalved``). Groups that are done stay done, so ``work`` is to leave its results
    outside and no trace where it fails.

    Raises:
        ModelError: one text alone does not fit; says what to do, and calls it ``what``.
    """
    left = dict(lengths)
    limit = times * pace.batch_tokens if tokens is None else min(times * pace.batch_tokens, tokens)
    while left:
        numbers = list(left)
        groups = batches(list(left.values()), limit, rows)
        for group in ([numbers[place] for place in places] for places in reversed(groups)):
            if not _fits(lambda group=group: work(group)):
                longest = max(left[number] for number in group)
                if len(group) == 1:
                    raise ModelError(
                        f"{what} {group[0]} (counting from 0) does not fit into memory even alone, with "
                        f"{longest} tokens; {_ADVICE}"
                    )
                limit = _halved(pace, len(group) * longest, times)
                break
            for number in group:
                del left[number]


def at_once(work: Callable[[], T]) -> T:
    """The result of a pass that cannot be divided.

    Raises:
        ModelError: it does not fit into memory; says what to do.
    """
    results: list[T] = []
    if not _fits(lambda: results.append(work())):
        raise ModelError(f"these texts do not fit into memory in one pass; {_ADVICE}")
    return results[0]


def _fits(work: Callable[[], None]) -> bool:
    """Do some work; False where memory ran out, with all that it held let go."""
    try:
        work()
        return True
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
    # only here is the traceback gone, whose frames held the tensors of the pass
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    return False


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error).lower() for words in _FULL)


def _halved(pace: Pace, rectangle: int, times: int) -> int:
    """The limit of the next try, remembered and told."""
    old, limit = pace.batch_tokens, rectangle // 2
    pace.batch_tokens = min(old, max(limit // times, 1))
    warnings.warn(
        f"a batch of {rectangle} tokens did not fit into memory, so batches of {limit} are tried; "
        f"batch_tokens went from {old} to {pace.batch_tokens}",
        BatchHalved,
        stacklevel=3,
    )
    return limit
