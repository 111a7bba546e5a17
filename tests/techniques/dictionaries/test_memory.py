"""Memory kept between steps: fewer pages asked for, given back at the end."""

import resource

import pytest
import torch

from assay.techniques.dictionaries.memory import glibc, memory_kept

MEGABYTES = 16


def faults(rounds: int = 10) -> int:
    """Pages that the system handed out while a tensor of some megabytes was made and dropped."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        torch.ones(MEGABYTES * 2**18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(glibc() is None, reason="only glibc can be told to keep memory")
def test_what_is_freed_is_used_again() -> None:
    """Inside, the pages of the first round serve for all; outside each round asks for its own."""
    with memory_kept():
        pass  # glibc keeps more by itself once large tensors were freed; this puts its defaults back
    outside = faults()
    assert outside > 0
    with memory_kept():
        faults(1)
        inside = faults()
    assert inside < outside / 5


def test_it_ends_with_an_error_too() -> None:
    """An error inside comes out as it was."""
    with pytest.raises(KeyError, match="mine"), memory_kept():
        raise KeyError("mine")


def test_without_glibc_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """On other systems the block runs as it is."""
    monkeypatch.setattr("assay.techniques.dictionaries.memory.glibc", lambda: None)
    with memory_kept():
        assert float(torch.ones(3).sum()) == 3.0
