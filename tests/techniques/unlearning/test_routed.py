"""Deleting units: what they said is gone, nothing else is, and no training brings them back."""

import pytest
import torch

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change
from assay.core.errors import BadOption
from assay.model.changing.change import scale
from assay.model.changing.deltas import between
from assay.techniques.unlearning.routed import last_zeroed, without_units
from tests.model.tiny import TEXTS, tiny_engine

FAMILIES = ["llama", "gpt2", "gpt_neox"]
UNITS = 5


def _handle(family: str) -> WhiteHandle:
    return open_handle(tiny_engine(family), Access.WHITE)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_units_say_nothing_and_the_others_what_they_said(family: str) -> None:
    """In every block: hidden values of deleted units are 0, and those of the first block's others stay."""
    handle = _handle(family)
    changed = handle.changed(Change(deltas=(between(*without_units(handle, UNITS)),)))
    for block in range(handle.n_layers):
        rows = torch.cat(changed.site_activations(TEXTS, f"mlp_hidden.{block}"))
        assert bool((rows[:, -UNITS:] == 0).all())
    old, new = (torch.cat(one.site_activations(TEXTS, "mlp_hidden.0")) for one in (handle, changed))
    torch.testing.assert_close(new[:, :-UNITS], old[:, :-UNITS])


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_what_silencing_the_units_does(family: str) -> None:
    """The same next tokens as with hooks that take the units out of what the down-projection reads."""
    handle = _handle(family)
    before, after = without_units(handle, UNITS)
    names = [handle.weight(f"mlp_hidden.{block}") for block in range(handle.n_layers)]
    columns = {one.name for one in names}
    size = before[names[0].name].shape[0 if names[0].transposed else 1]
    mask = torch.ones(size)
    mask[-UNITS:] = 0
    hooks = tuple(scale(f"mlp_hidden.{block}", mask) for block in range(handle.n_layers))  # pyright: ignore[reportArgumentType]
    silenced = handle.changed(Change(hooks=hooks)).next_logprobs(TEXTS)
    for some in (columns, before.keys()):
        delta = between({n: before[n] for n in some}, {n: after[n] for n in some})
        torch.testing.assert_close(handle.changed(Change(deltas=(delta,))).next_logprobs(TEXTS), silenced)


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_outside_the_mlps_are_not_touched(family: str) -> None:
    """Two or three matrices of each block, and the biases of those that write; no output bias."""
    handle = _handle(family)
    before, after = without_units(handle, UNITS)
    per_block = {"llama": 3, "gpt2": 3, "gpt_neox": 3}[family]
    assert len(before) == per_block * handle.n_layers
    for name, weight in before.items():
        assert int((weight != after[name]).sum()) <= UNITS * max(1, weight.numel() // max(weight.shape))


def test_zeroing_counts_from_the_end() -> None:
    """Along either axis, in a copy."""
    weight = torch.ones(3, 4)
    for axis in (0, 1, -1):
        slow = torch.tensor(
            [[float((i, j)[axis] < weight.shape[axis] - 2) for j in range(4)] for i in range(3)]
        )
        assert torch.equal(last_zeroed(weight, 2, axis), slow)
    assert bool((weight == 1).all())


@pytest.mark.parametrize("units", [0, 48, -1])
def test_there_must_be_something_to_delete_and_something_left(units: int) -> None:
    """None and all are refused."""
    with pytest.raises(BadOption, match="of 48 units"):
        without_units(_handle("llama"), units)
