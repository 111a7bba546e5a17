"""ROME: the edited key maps to its value, and what has nothing in common with it is left alone."""

import pytest
import torch

from assay.core import Change, Edit
from assay.core.errors import BadOption, NotApplicable
from assay.techniques.edits.projection import projection
from assay.techniques.edits.rank_one import rome
from assay.techniques.edits.subject_keys import context_states, keys
from assay.techniques.edits.values import Aim, wanted
from tests.techniques.edits.places import AIM, BARE, CAT, DOG, RED, at, moment_of, tiny_handle, written_out

BLOCK = 1
FAMILIES = ("llama", "gpt2")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_edited_key_maps_to_its_value(family: str) -> None:
    """The model itself, run on the prompt, has v* where the subject ends."""
    handle = tiny_handle(family)
    found = handle.push(wanted([CAT], BARE), f"mlp_out.{BLOCK}", BARE.pushing)
    value = (found.start + found.change)[0].double()
    delta = rome(handle, [CAT], BLOCK, moment_of(handle, BLOCK), BARE)
    now = at(handle.changed(Change(deltas=(delta,))), f"mlp_out.{BLOCK}", CAT.prompt, 1)
    assert float((now - value).norm() / value.norm()) < 1e-4
    before = at(handle, f"mlp_out.{BLOCK}", CAT.prompt, 1)
    assert float((before - value).norm() / value.norm()) > 1e-2


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_of_several_edits_maps_its_mean_key_to_its_value(family: str) -> None:
    """Also where earlier edits have changed the matrix, and keys are means over beginnings."""
    handle, moment = tiny_handle(family), moment_of(tiny_handle(family), BLOCK)
    first = Change(deltas=(rome(handle, [CAT, DOG], BLOCK, moment, AIM),))
    both = Change(deltas=(rome(handle, [CAT, DOG, RED], BLOCK, moment, AIM),))
    found = handle.changed(first).push(wanted([RED], AIM), f"mlp_out.{BLOCK}", AIM.pushing)
    value = (found.start + found.change)[0].double()
    edited = projection(handle.changed(both), BLOCK, RED.prompt)
    made = edited.outputs(keys(handle, [RED], BLOCK, AIM.contexts))[0]
    assert float((made - value).norm() / value.norm()) < 1e-4


@pytest.mark.parametrize("family", FAMILIES)
def test_keys_orthogonal_under_the_inverse_are_untouched(family: str) -> None:
    """W^ k' = W k' where k'^T C^-1 k = 0."""
    handle = tiny_handle(family)
    moment = moment_of(handle, BLOCK)
    change = written_out(rome(handle, [CAT], BLOCK, moment, AIM), handle, BLOCK)
    key = keys(handle, [CAT], BLOCK, AIM.contexts)
    other = torch.randn(moment.size, generator=torch.Generator().manual_seed(0)).double()
    dual = moment.solve(key)[0]
    other -= (other @ dual) / (dual @ dual) * dual
    assert float((change @ other).norm()) < 1e-5 * float(change.norm() * other.norm())
    assert float((change @ key[0]).norm()) > 1e-2 * float(change.norm() * key.norm())


def _literal(family: str, edits: list[Edit], how: Aim, mismatched: bool) -> torch.Tensor:
    """The formula with a plain inverse, one edit after the other, each with its own forward passes."""
    handle, moment = tiny_handle(family), moment_of(tiny_handle(family), BLOCK)
    inverse = torch.linalg.inv(moment.ridged)
    start = projection(handle, BLOCK, CAT.prompt)
    w, deltas = start.matrix.clone(), list[object]()
    for edit in edits:
        now = handle.changed(Change(deltas=tuple(deltas)))
        found = now.push(wanted([edit], how), f"mlp_out.{BLOCK}", how.pushing)
        value = (found.start + found.change)[0].double() - start.bias
        states = context_states(now, [edit], f"mlp_hidden.{BLOCK}", how.contexts)[0]
        mean, used = states.mean(0), states[0] if mismatched else states.mean(0)
        dual = inverse @ mean
        rank_one = torch.outer((value - w @ used) / (dual @ used), dual)
        w = w + rank_one
        deltas.append(start.delta(rank_one, torch.eye(len(dual)).double()))
    return w - start.matrix


@pytest.mark.parametrize("mismatched", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_equals_its_literal_twin(family: str, mismatched: bool) -> None:
    """Edits in turn, with a plain inverse and everything read anew for each."""
    edits = [CAT, DOG, RED]
    handle = tiny_handle(family)
    delta = rome(handle, edits, BLOCK, moment_of(handle, BLOCK), AIM, mismatched=mismatched)
    twin = _literal(family, edits, AIM, mismatched)
    found = written_out(delta, handle, BLOCK)
    assert float((found - twin).norm() / twin.norm()) < 1e-3


def test_mismatched_keys_miss_the_mean_key() -> None:
    """Only the bare prompt's key gets the value; with one beginning there is nothing to mix up."""
    handle = tiny_handle()
    moment = moment_of(handle, BLOCK)
    found = handle.push(wanted([CAT], AIM), f"mlp_out.{BLOCK}", AIM.pushing)
    value = (found.start + found.change)[0].double()
    edited = projection(
        handle.changed(Change(deltas=(rome(handle, [CAT], BLOCK, moment, AIM, mismatched=True),))),
        BLOCK,
        CAT.prompt,
    )
    states = context_states(handle, [CAT], f"mlp_hidden.{BLOCK}", AIM.contexts)[0]
    bare, mean = (edited.outputs(row[None])[0] for row in (states[0], states.mean(0)))
    near, far = (float((made - value).norm() / value.norm()) for made in (bare, mean))
    assert near < 1e-4
    assert far > 1e-2
    same = [rome(handle, [CAT], BLOCK, moment, BARE, mismatched=on) for on in (False, True)]
    torch.testing.assert_close(*(written_out(one, handle, BLOCK) for one in same))


def test_values_looked_for_together_are_still_written_in_turn() -> None:
    """All are found on the model as it is; each is what its key maps to once it is written."""
    handle, edits = tiny_handle(), [CAT, DOG, RED]
    moment = moment_of(handle, BLOCK)
    found = handle.push(wanted(edits, AIM), f"mlp_out.{BLOCK}", AIM.pushing)
    values = (found.start + found.change).double()
    for count in (1, 2, 3):
        delta = rome(handle, edits[:count], BLOCK, moment, AIM, together=3)
        edited = projection(handle.changed(Change(deltas=(delta,))), BLOCK, CAT.prompt)
        last = edited.outputs(keys(handle, edits[:count], BLOCK, AIM.contexts))[count - 1]
        assert float((last - values[count - 1]).norm() / values[count - 1].norm()) < 1e-4


@pytest.mark.parametrize("family", ["gemma2", "gemma3", "olmo2"])
def test_a_norm_behind_the_map_is_seen(family: str) -> None:
    """There the map's output is not what the MLP adds, so no value can be written."""
    handle = tiny_handle(family)
    with pytest.raises(NotApplicable, match="a norm stands between them"):
        rome(handle, [CAT], BLOCK, moment_of(handle, BLOCK), BARE)


def test_what_makes_no_sense_is_refused() -> None:
    """No edits, a moment of keys of another size, an essence without a place for the subject."""
    handle = tiny_handle()
    moment = moment_of(handle, BLOCK)
    with pytest.raises(BadOption, match="no edits"):
        rome(handle, [], BLOCK, moment)
    with pytest.raises(BadOption, match="keys of 128 dimensions, those of block 1 have 48"):
        rome(handle, [CAT], BLOCK, moment_of(tiny_handle("gpt2"), BLOCK))
    with pytest.raises(BadOption, match="lacks the place of the subject"):
        rome(handle, [CAT], BLOCK, moment, Aim(essence="it is a"))
    with pytest.raises(NotApplicable, match="'zebra' is not in"):
        rome(handle, [Edit("the cat sat", "zebra", "a", "b")], BLOCK, moment)
