"""The choice of a library for float32 products: taken only where nothing is rounded."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

from assay.model import numerics
from assay.model.numerics import keeps_float32, products, settle

MATMUL = torch.backends.mkldnn.matmul  # pyright: ignore[reportAttributeAccessIssue]
REPORT = """
import torch
from assay.model.numerics import keeps_float32, products, settle
x, w = torch.randn(300, 160), torch.randn(432, 160)
settled = settle()
error = float(((x @ w.T) - x.double() @ w.double().T).abs().max())
print(settled, keeps_float32(), error < 1e-4, products(), sep="|")
"""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Every test begins with PyTorch's default, and none leaves the process changed."""
    before = MATMUL.fp32_precision
    MATMUL.fp32_precision = "none"
    keeps_float32.cache_clear()
    yield
    MATMUL.fp32_precision = before
    keeps_float32.cache_clear()


def told(isa: str) -> list[str]:
    """What a fresh process says when oneDNN may use no more than these instructions."""
    ran = subprocess.run(
        [sys.executable, "-c", REPORT],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": isa},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip().split("|")


def test_the_check_leaves_the_setting_alone() -> None:
    """It asks both ways and puts back what it found."""
    keeps_float32()
    assert MATMUL.fp32_precision == "none"
    assert products() == "float32"


def test_a_processor_that_rounds_is_left_at_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products as bf16 units make them fail the check by orders of magnitude."""
    exact = torch.Tensor.__matmul__

    def rounding(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        if MATMUL.fp32_precision == "bf16" and left.dtype == torch.float32:
            return exact(left.bfloat16(), right.bfloat16()).float()
        return exact(left, right)

    monkeypatch.setattr(torch.Tensor, "__matmul__", rounding)
    assert not settle()
    assert MATMUL.fp32_precision == "none"
    MATMUL.fp32_precision = "bf16"
    assert products() == "float32 rounded to bf16"


def test_a_processor_without_bf16_units_settles_and_loses_nothing() -> None:
    """Held to instructions without bf16, oneDNN is taken, and its products are as exact as before."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this build of torch has no oneDNN")
    assert told("AVX2") == ["True", "True", "True", "float32 through oneDNN, checked"]


def test_whatever_this_machine_is_the_digits_stay() -> None:
    """Settled or not, products after it are products of float32."""
    settled, keeps, exact, words = told("DEFAULT")
    assert settled == keeps
    assert exact == "True"
    assert words == ("float32 through oneDNN, checked" if settled == "True" else "float32")


def test_without_onednn_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other builds keep their default."""
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not settle()
    assert numerics.products() == "float32"
