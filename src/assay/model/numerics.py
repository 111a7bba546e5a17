"""Which library multiplies float32 matrices on a CPU: the faster one, where it keeps float32's digits."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

_SIZES = ((1, 160, 432), (7, 65, 33), (300, 160, 432), (512, 768, 768))
"""(rows, in, out) of the products that are checked: a library picks its way of multiplying by their sizes."""
_WORSE = 10.0
"""Largest error allowed, in units of the default's; rounding to bf16 costs thousands."""


def settle() -> bool:
    """Send this process's float32 products to oneDNN if they lose nothing by it; say whether they go there.

    PyTorch sends them there only when told that rounding to bf16 is allowed. A processor without matrix units
    for bf16 does not round even then, and oneDNN can be twice as fast as the default; one that has them does
    round, which ``keeps_float32`` finds out. Then nothing is changed. GPUs are not concerned.
    """
    if keeps_float32():
        _matmul().fp32_precision = "bf16"
        return True
    return False


@cache
def keeps_float32() -> bool:
    """Whether products that may be rounded to bf16 come out as exact as by default, on this machine.

    error = max |product - product in float64|, of x @ w.T as in a forward pass, of g @ w and g.T @ x as in a
    backward pass, against the same by default.
    """
    if not torch.backends.mkldnn.is_available():
        return False
    usual, allowed = _error("none"), _error("bf16")
    return all(new <= _WORSE * old for old, new in zip(usual, allowed, strict=True))


def products() -> str:
    """In words, how this process multiplies float32 matrices on the CPU; stands in every record."""
    if _matmul().fp32_precision == "none":
        return "float32"
    return "float32 through oneDNN, checked" if keeps_float32() else "float32 rounded to bf16"


def _error(precision: str) -> list[float]:
    generator = torch.Generator().manual_seed(0)
    errors: list[float] = []
    for rows, inputs, outputs in _SIZES:
        x, w, g = (
            torch.randn(*shape, generator=generator)
            for shape in ((rows, inputs), (outputs, inputs), (rows, outputs))
        )
        with _precision(precision):
            found = (x @ w.T, g @ w, g.T @ x)
        exact = (x.double() @ w.double().T, g.double() @ w.double(), g.double().T @ x.double())
        errors += [float((a - b).abs().max()) for a, b in zip(found, exact, strict=True)]
    return errors


@contextmanager
def _precision(precision: str) -> Generator[None]:
    before = _matmul().fp32_precision
    _matmul().fp32_precision = precision
    try:
        yield
    finally:
        _matmul().fp32_precision = before


def _matmul() -> Any:
    return torch.backends.mkldnn.matmul  # pyright: ignore[reportAttributeAccessIssue]
