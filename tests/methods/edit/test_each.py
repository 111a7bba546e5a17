"""Editors that share work among edits made alone give what they give for each by itself."""

from typing import Any

import pytest
import torch

from assay.core import Access
from assay.core.registry import find
from assay.jobs.edit import EditTruth, brief, truth
from assay.testing.tiny_material import tiny_material
from assay.testing.tiny_model import LAYERS, tiny_handle

SHARING = ("rome", "rome_mismatched_keys", "memit", "alphaedit", "conditional_steering")


@pytest.mark.parametrize("key", SHARING)
def test_each_is_edit_of_each(key: str) -> None:
    """Next tokens agree after every change, at the edits' prompts and elsewhere."""
    method = find("method", key, "edit").load()
    material = tiny_material()
    assert material.edits is not None
    edits = [case.edit for case in material.edits.of("report")][:3]
    handle: Any = tiny_handle(Access.WHITE)
    told = brief(material.told(method.text))
    editor = method.fit(handle, told, method.default_setting(LAYERS), 0)
    texts = [*(edit.prompt for edit in edits), "ann keeps a"]
    for one, edit in zip(editor.each(handle, edits), edits, strict=True):
        alone = handle.changed(editor.edit(handle, [edit]))
        torch.testing.assert_close(
            handle.changed(one).next_logprobs(texts), alone.next_logprobs(texts), atol=2e-3, rtol=1e-3
        )


def test_the_retrained_model_is_put_in_once() -> None:
    """On top of itself it changes nothing more, and it knows the new facts."""
    method = find("baseline", "retrained", "edit").load()
    material = tiny_material()
    assert material.edits is not None
    handle: Any = tiny_handle(Access.WHITE)
    told = truth(brief(material), material)
    assert isinstance(told, EditTruth)
    editor = method.fit(handle, told, {}, 0)
    edits = [case.edit for case in material.edits.cases]
    once = editor.edit(handle, edits[:1])
    twice = once.then(editor.edit(handle.changed(once), edits[1:2]))
    prompts = [edit.prompt for edit in edits]
    first, second = (handle.changed(change).next_logprobs(prompts) for change in (once, twice))
    assert torch.equal(first, second)
    said = handle.changed(once).generate(prompts, max_tokens=1)
    assert [reply.strip() for reply in said] == [edit.new for edit in edits]
