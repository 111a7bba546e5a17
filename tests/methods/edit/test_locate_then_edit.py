"""ROME, MEMIT, AlphaEdit and their placebos as entries: they edit what they are asked to."""

import importlib

import pytest
import torch

from assay.core import Change, Edit, EditList, Editor, Material, Method
from assay.core.errors import NotApplicable
from assay.jobs import edit as job
from assay.methods.edit.random_rank_one import RandomEditor
from tests.techniques.edits.places import CAT, DOG, ORDINARY, RED, tiny_handle, written_out

KEYS = ("rome", "memit", "alphaedit", "random_rank_one", "rome_random_layer", "rome_mismatched_keys")
BRIEF = job.brief(
    Material(
        cases=(), pairs={}, unrelated=(), questions=(), yes=" cat", no=" dog", text=tuple(ORDINARY),
        edits=EditList(cases=()),
    )
)  # fmt: skip


def _method(key: str) -> Method:
    return importlib.import_module(f"assay.methods.edit.{key}").METHOD


def _editor(key: str, seed: int = 0) -> Editor:
    method, handle = _method(key), tiny_handle()
    found = method.fit(handle, BRIEF, method.default_setting(handle.n_layers), seed)
    assert isinstance(found, Editor)
    return found


def _new(change: Change, edits: list[Edit]) -> torch.Tensor:
    handle = tiny_handle().changed(change)
    return handle.continuation_logprobs([one.prompt for one in edits], [f" {one.new}" for one in edits])[0]


@pytest.mark.parametrize("key", KEYS)
def test_only_weights_change_and_the_seed_decides(key: str) -> None:
    """The same seed makes the same change; hooks, contexts and tables stay empty."""
    first, again = (_editor(key).edit(tiny_handle(), [CAT, RED]) for _ in range(2))
    assert first.deltas
    assert (first.hooks, first.context, first.table) == ((), None, None)
    torch.testing.assert_close(_new(first, [CAT, RED]), _new(again, [CAT, RED]))


@pytest.mark.parametrize("key", ["rome", "memit", "alphaedit", "rome_mismatched_keys"])
def test_the_new_value_becomes_likelier(key: str) -> None:
    """Of each edit alone, also on top of another."""
    editor = _editor(key)
    first = editor.edit(tiny_handle(), [CAT])
    assert float(_new(first, [CAT])) > float(_new(Change(), [CAT])) + 0.1
    second = first.then(editor.edit(tiny_handle().changed(first), [DOG]))
    assert float(_new(second, [DOG])) > float(_new(first, [DOG])) + 0.1


def test_the_random_change_is_as_large_as_romes() -> None:
    """Edit by edit, by the Frobenius norm, and it does not point the same way."""
    editor = _editor("random_rank_one")
    assert isinstance(editor, RandomEditor)
    for edit in (CAT, DOG):
        handle = tiny_handle()
        one, two = (
            written_out(some.edit(handle, [edit]).deltas[0], handle, editor.rome.block)
            for some in (editor, editor.rome)
        )
        torch.testing.assert_close(one.norm(), two.norm(), rtol=1e-4, atol=0.0)
        assert abs(float((one * two).sum() / two.norm() ** 2)) < 0.3


def test_the_random_layer_is_none_that_rome_may_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the seed; where every block may be chosen there is no such layer, and it says so."""
    placebo = importlib.import_module("assay.methods.edit.rome_random_layer")
    handle = tiny_handle()
    monkeypatch.setattr(placebo, "DEPTHS", (0.33, 0.67))
    assert [placebo.fit(handle, BRIEF, {}, seed).block for seed in range(4)] == [2] * 4
    monkeypatch.setattr(placebo, "DEPTHS", (0.33, 0.67, 1.0))
    with pytest.raises(NotApplicable, match="may choose any of the 3 blocks"):
        placebo.fit(handle, BRIEF, {}, 0)


def test_without_ordinary_text_nothing_is_prepared() -> None:
    """The second moment has nothing to be taken of."""
    method = _method("rome")
    bare = job.brief(
        Material(
            cases=(), pairs={}, unrelated=(), questions=(), yes=" cat", no=" dog", edits=EditList(cases=())
        )
    )
    with pytest.raises(NotApplicable):
        method.fit(tiny_handle(), bare, method.default_setting(3), 0)


@pytest.mark.parametrize("key", KEYS)
def test_a_subject_that_is_not_in_its_prompt_is_refused(key: str) -> None:
    """Before anything is computed, and by name."""
    with pytest.raises(NotApplicable, match="'zebra' is not in 'the cat sat'"):
        _editor(key).edit(tiny_handle(), [Edit("the cat sat", "zebra", "a", "b")])
