"""A task vector is taken off as often as is asked for."""

import pytest
import torch

from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta, between, low_rank, summed
from assay.techniques.unlearning.negation import negated

GENERATOR = torch.Generator().manual_seed(0)
BEFORE = {"a": torch.randn(5, 4, generator=GENERATOR), "b": torch.randn(64, generator=GENERATOR)}
AFTER = {"a": BEFORE["a"] + 1, "b": BEFORE["b"].index_fill(0, torch.tensor([3]), 9.0)}
DELTAS = {
    "as it is": between(BEFORE, AFTER),
    "in four bits": between(BEFORE, AFTER, four_bits=True),
    "low rank": low_rank({"a": (torch.ones(5, 2), torch.randn(2, 4, generator=GENERATOR))}, base="b"),
}


def moved(delta: Delta, name: str) -> torch.Tensor:
    """What a delta adds to a weight."""
    return summed(torch.zeros_like(BEFORE[name]), delta.changes[name])


@pytest.mark.parametrize("form", DELTAS)
@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0, 4.0])
def test_it_is_the_opposite_so_many_times(form: str, strength: float) -> None:
    """In whatever form the change is kept."""
    learnt = DELTAS[form]
    turned = negated(learnt, strength)
    assert (turned.base, set(turned.changes)) == (learnt.base, set(learnt.changes))
    for name in learnt.changes:
        torch.testing.assert_close(moved(turned, name), -strength * moved(learnt, name))


def test_what_is_left_out_grows_along() -> None:
    """The error of a shorter form is that of the change as it is used."""
    assert negated(DELTAS["in four bits"], 3.0).errors["a"] == 3 * DELTAS["in four bits"].errors["a"]


def test_a_strength_below_nought_is_refused() -> None:
    """It would teach what is to be forgotten."""
    with pytest.raises(BadOption, match="adds what was learnt"):
        negated(DELTAS["as it is"], -1.0)
