"""Examples in the docstrings of the harness say what happens."""

import doctest
from types import ModuleType

import pytest

from benchmarks import match, measuring, turns, work


@pytest.mark.parametrize("module", [match, measuring, turns, work], ids=lambda module: module.__name__)
def test_examples_hold(module: ModuleType) -> None:
    """Each module has some, and all of them hold."""
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0
