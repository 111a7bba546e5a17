"""AlphaEdit: what ordinary text uses most is left exactly as it is."""

import pytest
import torch

from assay.core import Change, Edit
from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta
from assay.techniques.edits.null_space import alphaedit, projected, quiet_projector
from assay.techniques.edits.projection import projection
from assay.techniques.edits.second_moment import SecondMoment
from assay.techniques.edits.subject_keys import context_states, keys
from assay.techniques.edits.values import wanted
from tests.techniques.edits.places import AIM, CAT, DOG, RED, moment_of, tiny_handle, written_out

FAMILIES = ("llama", "gpt2")
EDITS: list[Edit] = [CAT, DOG, RED]


@pytest.mark.parametrize("loud", [0.0, 0.5, 0.9, 1.0])
def test_the_projector_takes_out_the_loudest_directions(loud: float) -> None:
    """As few as hold the share of the trace, found here one by one from the singular values."""
    x = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)).double() * torch.arange(1, 7)
    moment = SecondMoment(x.T @ x / 40, 40)
    u, s, _ = torch.linalg.svd(moment.matrix)
    count = 0
    while float(s[:count].sum()) < loud * float(s.sum()) - 1e-9:
        count += 1
    p = quiet_projector(moment, loud)
    torch.testing.assert_close(p, torch.eye(6).double() - u[:, :count] @ u[:, :count].T)
    torch.testing.assert_close(p @ p, p)


@pytest.mark.parametrize("before", [0, 3])
def test_solving_in_the_space_of_edits_is_the_same(before: int) -> None:
    """``K1^T P (Kp Kp^T P + K1 K1^T P + w I)^-1``, in float64, with and without edits made before."""
    drawn = torch.Generator().manual_seed(1)
    k, kp, x = (torch.randn(9, n, generator=drawn).double() for n in (4, before, 30))
    p = quiet_projector(SecondMoment(x @ x.T / 30, 30), 0.4)
    direct = k.T @ p @ torch.linalg.inv(kp @ kp.T @ p + k @ k.T @ p + 0.3 * torch.eye(9))
    torch.testing.assert_close(projected(k.T, p, 0.3, kp.T if before else None), direct)


def test_keys_of_earlier_edits_are_held() -> None:
    """With next to no ridge, what is written for new keys does not reach the old ones."""
    drawn = torch.Generator().manual_seed(2)
    k, kp, x = (torch.randn(9, n, generator=drawn).double() for n in (2, 2, 30))
    p = quiet_projector(SecondMoment(x @ x.T / 30, 30), 0.4)
    assert float((projected(k.T, p, 1e-9, kp.T) @ kp).abs().max()) < 1e-6
    assert float((projected(k.T, p, 1e-9) @ kp).abs().max()) > 1e-2


@pytest.mark.parametrize("family", FAMILIES)
def test_keys_in_the_preserved_span_are_untouched(family: str) -> None:
    """The changed matrices give the same for every loud direction, and another thing for the edits' keys."""
    handle, blocks = tiny_handle(family), (1, 2)
    projectors = {block: quiet_projector(moment_of(handle, block), 0.9) for block in blocks}
    delta = alphaedit(handle, EDITS, projectors, AIM, dict.fromkeys(blocks, 1e-3))
    for block in blocks:
        change = written_out(delta, handle, block)
        loud = torch.eye(len(projectors[block])).double() - projectors[block]
        assert float((change @ loud).norm()) < 1e-5 * float(change.norm())
        rows = keys(handle, EDITS, block, AIM.contexts)
        assert float((change @ rows.T).norm()) > 1e-3 * float(change.norm() * rows.norm())


@pytest.mark.parametrize("family", FAMILIES)
def test_it_equals_its_literal_twin(family: str) -> None:
    """Two blocks, the formula with a plain inverse, keys and residuals read again in between."""
    handle, blocks, weight = tiny_handle(family), (1, 2), 0.05
    projectors = {block: quiet_projector(moment_of(handle, block), 0.8) for block in blocks}
    found = handle.push(wanted(EDITS, AIM), "resid_post.2", AIM.pushing)
    goal, deltas = (found.start + found.change).double(), list[Delta]()
    for left, block in zip((2, 1), blocks, strict=True):
        now = handle.changed(Change(deltas=tuple(deltas)))
        k, p = keys(now, EDITS, block, AIM.contexts).T, projectors[block]
        r = (goal - context_states(now, EDITS, "resid_post.2", ("",))[:, 0]).T / left
        change = r @ k.T @ p @ torch.linalg.inv(k @ k.T @ p + weight * torch.eye(len(k)))
        deltas.append(projection(handle, block, CAT.prompt).delta(change, torch.eye(len(k)).double()))
    delta = alphaedit(handle, EDITS, projectors, AIM, dict.fromkeys(blocks, weight))
    for block, twin in zip(blocks, deltas, strict=True):
        one, two = (written_out(some, handle, block) for some in (delta, twin))
        assert float((one - two).norm() / two.norm()) < 1e-3


def test_a_share_outside_the_trace_is_refused() -> None:
    """Below 0 or above 1."""
    with pytest.raises(BadOption, match="between 0 and 1"):
        quiet_projector(SecondMoment(torch.eye(2).double(), 40), 1.5)
