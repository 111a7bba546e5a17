"""MEMIT: each of several blocks does its share, for all edits at once."""

import pytest
import torch

from assay.core import Change, Edit
from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta
from assay.techniques.edits.projection import projection
from assay.techniques.edits.spread import damped, memit
from assay.techniques.edits.subject_keys import context_states, keys
from assay.techniques.edits.values import wanted
from tests.techniques.edits.places import AIM, BARE, CAT, DOG, RED, moment_of, tiny_handle, written_out

FAMILIES = ("llama", "gpt2")
EDITS: list[Edit] = [CAT, DOG, RED]


def test_solving_in_the_space_of_edits_is_the_same() -> None:
    """``(w I + K^T C^-1 K)^-1 K^T C^-1 = K^T (w C + K K^T)^-1``, in float64."""
    drawn = torch.Generator().manual_seed(0)
    k, x = (torch.randn(9, n, generator=drawn).double() for n in (4, 30))
    c = x @ x.T / 30
    direct = k.T @ torch.linalg.inv(2.5 * c + k @ k.T)
    torch.testing.assert_close(damped(k.T, (torch.linalg.inv(c) @ k).T, 2.5), direct)


@pytest.mark.parametrize("family", FAMILIES)
def test_it_equals_its_literal_twin(family: str) -> None:
    """Two blocks, the formula with a plain inverse, keys and residuals read again in between."""
    handle, blocks, weight = tiny_handle(family), (1, 2), 0.5
    moments = {block: moment_of(handle, block) for block in blocks}
    found = handle.push(wanted(EDITS, AIM), "resid_post.2", AIM.pushing)
    goal, deltas = (found.start + found.change).double(), list[Delta]()
    for left, block in zip((2, 1), blocks, strict=True):
        now = handle.changed(Change(deltas=tuple(deltas)))
        k = keys(now, EDITS, block, AIM.contexts).T
        r = (goal - context_states(now, EDITS, "resid_post.2", ("",))[:, 0]).T / left
        c = moments[block].ridged * weight * len(k)
        change = r @ k.T @ torch.linalg.inv(c + k @ k.T)
        deltas.append(projection(handle, block, CAT.prompt).delta(change, torch.eye(len(k)).double()))
    delta = memit(handle, EDITS, moments, AIM, weight)
    for block, twin in zip(blocks, deltas, strict=True):
        one, two = (written_out(some, handle, block) for some in (delta, twin))
        assert float((one - two).norm() / two.norm()) < 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_at_one_block_without_a_weight_it_is_rome(family: str) -> None:
    """With the same residual and the same key: ``R (C^-1 k)^T / (k^T C^-1 k)``."""
    handle, block = tiny_handle(family), 1
    moment = moment_of(handle, block)
    found = handle.push(wanted([CAT], AIM), f"resid_post.{block}", AIM.pushing)
    key = keys(handle, [CAT], block, AIM.contexts)[0]
    dual = torch.linalg.inv(moment.ridged) @ key
    rank_one = torch.outer(found.change[0].double() / (dual @ key), dual)
    for weight, near in ((0.0, 1e-4), (1e-6, 1e-3)):
        change = written_out(memit(handle, [CAT], {block: moment}, AIM, weight), handle, block)
        assert float((change - rank_one).norm() / rank_one.norm()) < near


@pytest.mark.parametrize("family", FAMILIES)
def test_without_a_weight_the_stream_is_where_it_should_be(family: str) -> None:
    """The last block takes what is left, so that the subjects' streams are those that were wanted."""
    handle = tiny_handle(family)
    found = handle.push(wanted(EDITS, BARE), "resid_post.2", BARE.pushing)
    goal = (found.start + found.change).double()
    delta = memit(handle, EDITS, {block: moment_of(handle, block) for block in (1, 2)}, BARE, 0.0)
    now = context_states(handle.changed(Change(deltas=(delta,))), EDITS, "resid_post.2", ("",))[:, 0]
    assert float((now - goal).norm() / goal.norm()) < 1e-3


def test_a_weight_writes_a_share() -> None:
    """Of one edit at one block ``q / (w + q)`` of the residual, with ``q = k^T C^-1 k``."""
    handle, block, weight = tiny_handle(), 1, 0.7
    moment = moment_of(handle, block)
    key = keys(handle, [CAT], block, BARE.contexts)
    q = float(key @ moment.solve(key).T)
    full, part = (
        written_out(memit(handle, [CAT], {block: moment}, BARE, one), handle, block) for one in (0.0, weight)
    )
    torch.testing.assert_close(part, full * q / (weight * moment.size + q), rtol=1e-4, atol=1e-7)


def test_what_makes_no_sense_is_refused() -> None:
    """No edits, no blocks, a negative weight."""
    handle = tiny_handle()
    with pytest.raises(BadOption, match="nothing to do"):
        memit(handle, [], {1: moment_of(handle, 1)}, BARE)
    with pytest.raises(BadOption, match="nothing to do"):
        memit(handle, [CAT], {}, BARE)
    with pytest.raises(BadOption, match="below 0"):
        memit(handle, [CAT], {1: moment_of(handle, 1)}, BARE, -1.0)
