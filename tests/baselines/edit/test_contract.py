"""What every plain editor promises."""

import copy

import pytest
import torch

from assay.access import open_handle
from assay.core import Access
from assay.core.method import Method
from assay.core.registry import entries
from tests.baselines.edit.bench import BLACK, BRIEF, CAT, DOG, ENGINE, TRAINED, fitted, handle

PROMPTS = [CAT.prompt, DOG.prompt, "then cat was on the", "hello"]


def card(key: str) -> Method:
    """The card of an entry."""
    return next(entry.load() for entry in entries("baseline") if (entry.key, entry.job) == (key, "edit"))


@pytest.mark.parametrize("key", [*BLACK, *TRAINED])
def test_same_seed_same_model(key: str) -> None:
    """Made twice, an edit leads to the same model to the bit; brief and model are left as they were."""
    brief, weights = copy.deepcopy(BRIEF), {n: w.clone() for n, w in ENGINE.model.named_parameters()}
    once, twice = (
        handle().changed(fitted(key).edit(handle(), [CAT, DOG])).next_logprobs(PROMPTS) for _ in range(2)
    )
    assert torch.equal(once, twice)
    assert brief == BRIEF
    assert all(torch.equal(weight, weights[name]) for name, weight in ENGINE.model.named_parameters())


@pytest.mark.parametrize("key", [*BLACK, *TRAINED])
def test_access_is_declared_and_enough(key: str) -> None:
    """What trains declares white access; the others work behind a black door."""
    method = card(key)
    assert method.access is (Access.BLACK if key in BLACK else Access.WHITE)
    door = open_handle(ENGINE, method.access)
    change = fitted(key, door=door).edit(door, [CAT])
    assert len(door.changed(change).generate(PROMPTS, max_tokens=2)) == len(PROMPTS)


@pytest.mark.parametrize("key", [*BLACK, *TRAINED])
def test_few_settings(key: str) -> None:
    """A search space has six settings at most, and the default is one of them."""
    method = card(key)
    some = method.settings(ENGINE.n_layers, at_most=100)
    assert len(some) <= 6
    assert method.default_setting(ENGINE.n_layers) in some


@pytest.mark.parametrize("key", TRAINED)
def test_edits_come_on_top(key: str) -> None:
    """A second edit begins from the changed model: what was learnt is not learnt twice or lost."""
    editor = fitted(key, lr=0.02) if key != "ft_l" else fitted(key, eps=50.0)
    first = editor.edit(handle(), [CAT])
    again = editor.edit(handle().changed(first), [CAT])
    ends = [f" {CAT.new}"]
    before, once, twice = (
        float(door.continuation_logprobs([CAT.prompt], ends)[0][0])
        for door in (handle(), handle().changed(first), handle().changed(first.then(again)))
    )
    assert once > before + 2
    assert twice > once - 0.1


def test_unedited_is_the_model() -> None:
    """Nothing is changed."""
    change = fitted("unedited").edit(handle(), [CAT])
    assert (change.deltas, change.hooks, change.context, change.table) == ((), (), None, None)
    assert torch.equal(handle().changed(change).next_logprobs(PROMPTS), handle().next_logprobs(PROMPTS))
