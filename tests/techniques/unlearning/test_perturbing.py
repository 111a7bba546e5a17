"""Shrinking and perturbing: how much of the weights is left, and how large what comes in is."""

import pytest
import torch

from assay.core.errors import BadOption
from assay.techniques.unlearning.perturbing import between_them, noise_like, perturbed

WEIGHTS = {
    "wide": torch.randn(80, 60, generator=torch.Generator().manual_seed(0)),
    "small": 0.01 * torch.randn(50, 70, generator=torch.Generator().manual_seed(1)) + 0.02,
    "gain": torch.ones(9),
}


def test_every_entry_follows_the_formula() -> None:
    """``(1 - a) w + a b n``, entry by entry; vectors stay."""
    fresh, after = noise_like(WEIGHTS, 3), perturbed(WEIGHTS, 0.4, 0.1, 3)
    for name in ("wide", "small"):
        for row in range(3):
            for column in range(3):
                slow = 0.6 * float(WEIGHTS[name][row, column]) + 0.4 * 0.1 * float(fresh[name][row, column])
                assert float(after[name][row, column]) == pytest.approx(slow, rel=1e-6, abs=1e-8)
    assert torch.equal(after["gain"], WEIGHTS["gain"])


def test_noise_is_as_large_as_the_matrix_varies() -> None:
    """Its mean is not noise; two matrices of one shape get different draws, and the seed decides."""
    fresh = noise_like(WEIGHTS, 0)
    assert fresh.keys() == {"wide", "small"}
    for name, rows in fresh.items():
        assert float(rows.std()) == pytest.approx(float(WEIGHTS[name].std()), rel=0.05)
        assert float(rows.mean()) == pytest.approx(0.0, abs=0.1 * float(rows.std()))
        assert not torch.equal(rows, noise_like(WEIGHTS, 1)[name])
        assert torch.equal(rows, noise_like(WEIGHTS, 0)[name])
    twins = noise_like({"a": WEIGHTS["wide"], "b": WEIGHTS["wide"]}, 0)
    assert not torch.equal(twins["a"], twins["b"])


@pytest.mark.parametrize(("share", "kept"), [(0.0, 1.0), (0.3, 0.7), (1.0, 0.0)])
def test_what_is_left_of_the_weights_is_the_rest(share: float, kept: float) -> None:
    """By regression of the new weights on the old: 1 at a share of 0, none at a share of 1."""
    old, new = WEIGHTS["wide"].flatten(), perturbed(WEIGHTS, share, 1.0, 0)["wide"].flatten()
    assert float(old @ new / (old @ old)) == pytest.approx(kept, abs=0.05)


def test_the_way_between_two_states_is_straight() -> None:
    """It ends at both to the bit."""
    after = perturbed(WEIGHTS, 0.5, 1.0, 0)
    for share, end in ((0.0, WEIGHTS), (1.0, after)):
        assert all(torch.equal(between_them(WEIGHTS, after, share)[name], end[name]) for name in WEIGHTS)
    half = between_them(WEIGHTS, after, 0.5)["wide"]
    torch.testing.assert_close(half, (WEIGHTS["wide"] + after["wide"]) / 2)


def test_a_share_beyond_the_whole_is_refused() -> None:
    """More than all, or less than nothing, cannot be taken."""
    for share in (-0.1, 1.1):
        with pytest.raises(BadOption, match="share"):
            perturbed(WEIGHTS, share, 1.0, 0)
