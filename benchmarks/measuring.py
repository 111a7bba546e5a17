"""Memory and arithmetic of one call; needs torch alone."""

import ctypes
import gc
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

_RESET_HIGH_WATER_MARK = "5"


def peak_mb(call: Callable[[], object]) -> float | None:
    """Rise of the resident high-water mark over one call, in MiB; None where the system keeps no such mark.

    Memory freed earlier is handed back first, so that the call cannot hide in it.
    """
    if sys.platform != "linux":
        return None
    _hand_back()
    Path("/proc/self/clear_refs").write_text(_RESET_HIGH_WATER_MARK)
    before = _status_mb("VmRSS")
    out = call()
    peak = _status_mb("VmHWM") - before
    del out
    _hand_back()
    return max(peak, 0.0)


def flops(call: Callable[[], object]) -> float:
    """Operations of one call: matrix products and attention, as torch meets them.

    >>> flops(lambda: torch.ones(2, 3) @ torch.ones(3, 4))
    48.0
    """
    attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    # torch counts a GPU's attention but not a CPU's
    with FlopCounterMode(display=False, custom_mapping={attention: _attention_flops}) as counter:
        call()
    return float(counter.get_total_flops())


def matrix_peak(size: int = 2048, tries: int = 9) -> float:
    """Operations a second that the fastest of several square products in float32 reaches here.

    >>> matrix_peak(size=64, tries=2) > 0
    True
    """
    left, right = torch.ones(size, size), torch.ones(size, size)
    out = left @ right
    best = math.inf
    for _ in range(tries):
        start = time.perf_counter()
        torch.mm(left, right, out=out)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Scores and weighted sum, two operations for each product; a causal mask is not discounted."""
    batch, heads, queries, size = query
    return 2 * batch * heads * queries * key[2] * (size + value[3])


def _status_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def _hand_back() -> None:
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):  # another C library keeps what it keeps
        return
