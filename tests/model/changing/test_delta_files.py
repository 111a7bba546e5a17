"""Files of weight deltas: whole, damaged, and of another schema."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from assay.core.errors import BadOption, CannotWrite
from assay.model.changing.applying import applied
from assay.model.changing.delta_files import load_delta, save
from assay.model.changing.deltas import Delta, between, compose, sparse
from tests.model.changing.test_deltas import DOWN, UP, factors, random, same, shifted, state
from tests.model.tiny import tiny_model


def all_forms(model: nn.Module) -> Delta:
    """A delta with every form, several parts per parameter, shared tensors, and an error."""
    one, two = factors(model), shifted(model)
    few = sparse({UP: ((48, 32), torch.tensor([1, 2]), torch.ones(2).half())}, base=one.base, note="few")
    cut = between(model, {**state(model), DOWN: random(32, 48)}, rank=3)
    return compose(two, few, one, cut, two, -few)


def test_a_file_holds_the_whole_delta(tmp_path: Path) -> None:
    """What comes back does and tells the same; an older file is replaced once the new one is whole."""
    model, path = tiny_model(), tmp_path / "delta.safetensors"
    delta = all_forms(model)
    save(Delta("b", {}), path)
    save(delta, path)
    read = load_delta(path)
    assert repr(read) == repr(delta)
    assert read.errors[DOWN] == delta.errors[DOWN] > 0
    assert [p.tensors[-1].dtype for p in read.changes[UP]] == [p.tensors[-1].dtype for p in delta.changes[UP]]
    with applied(model, delta):
        expected = state(model)
    with applied(model, read):
        assert same(model, expected)
    assert [file.name for file in tmp_path.iterdir()] == ["delta.safetensors"]
    with safe_open(path, "pt") as file:
        told = file.metadata()
    assert (told["schema"], told["base"], told["note"]) == ("1", delta.base, delta.note)
    assert f'["{UP}", "sparse", [48, 32], 2]' in told["parts"]
    path.with_name("delta.safetensors.partial").mkdir()
    with pytest.raises(CannotWrite, match=r"delta.safetensors cannot be written"):
        save(Delta("b", {}), path)
    assert repr(load_delta(path)) == repr(delta)


def test_damaged_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    """Cut short, altered in any place, of another schema, something else, or not there."""
    path = tmp_path / "delta.safetensors"
    save(all_forms(tiny_model()), path)
    whole = path.read_bytes()

    def refused(words: str) -> None:
        with pytest.raises(BadOption, match=words) as error:
            load_delta(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)

    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused("no delta can be read there")
    head = 8 + int.from_bytes(whole[:8], "little")
    for place in (head, (head + len(whole)) // 2, len(whole) - 1, whole.index(b"factors 0")):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        refused("it has changed since it was saved")
    path.unlink()
    refused("no delta can be read there")
    for schema, words in ((None, "None, here it is 1"), ("2", "2, here it is 1"), ("1", "'parts'")):
        save_file({"w": torch.ones(2)}, path, {"schema": schema} if schema else {})
        refused(words)
