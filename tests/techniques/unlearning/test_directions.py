"""Nothing writes along a direction that was taken out, and everything else is written as before."""

import pytest
import torch
from torch import Tensor

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change
from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta, summed
from assay.techniques.unlearning.directions import direction_of, writers, written_along
from assay.techniques.unlearning.negation import negated
from tests.model.tiny import TEXTS, tiny_engine

FAMILIES = ("llama", "gpt2", "gpt_neox")
WIDTH = 32


def _handle(family: str = "llama") -> WhiteHandle:
    return open_handle(tiny_engine(family), Access.WHITE)


def _direction(seed: int = 0) -> Tensor:
    drawn = torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn / drawn.norm()


def _without(handle: WhiteHandle, direction: Tensor, strength: float = 1.0) -> WhiteHandle:
    return handle.changed(Change(deltas=(negated(written_along(handle, direction), strength),)))


def _streams(handle: WhiteHandle) -> list[Tensor]:
    return [torch.cat(handle.sequence_activations(TEXTS, layer)) for layer in range(handle.n_layers + 1)]


def test_the_direction_leads_from_one_mean_to_the_other() -> None:
    """At length 1: what is summed row by row on either side, and the difference put to that length."""
    generator = torch.Generator().manual_seed(1)
    forget, retain = torch.randn(7, 5, generator=generator), torch.randn(4, 5, generator=generator)
    means = [[sum(float(row[i]) for row in rows) / len(rows) for i in range(5)] for rows in (forget, retain)]
    apart = torch.tensor([f - r for f, r in zip(*means, strict=True)], dtype=torch.float64)
    found = direction_of(forget, retain)
    torch.testing.assert_close(found, apart / sum(float(x) ** 2 for x in apart) ** 0.5)


@pytest.mark.parametrize("sides", [(0, 3), (3, 0), (3, 3)])
def test_without_two_different_sides_there_is_none(sides: tuple[int, int]) -> None:
    """No rows, or the same mean on both, are refused."""
    forget, retain = (torch.ones(count, 4) for count in sides)
    with pytest.raises(BadOption, match="direction"):
        direction_of(forget, retain)


@pytest.mark.parametrize("family", FAMILIES)
def test_taken_out_whole_nothing_of_it_is_in_the_stream(family: str) -> None:
    """Behind every block no state should have a component along it, however matrices are stored."""
    handle, r = _handle(family), _direction()
    for before, after in zip(_streams(handle), _streams(_without(handle, r)), strict=True):
        assert float((before.double() @ r).abs().max()) > 0.1
        assert float((after.double() @ r).abs().max()) < 1e-4


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_the_formula_of_the_paper(family: str) -> None:
    """``W - s r r^T W`` with whole matrices, turned around where rows are outputs."""
    handle, r = _handle(family), _direction(1)
    projector = torch.outer(r, r)
    weights, delta = handle.parameters(), negated(written_along(handle, r), 0.4)
    rows = {one.name: one.transposed for one in writers(handle)}
    assert set(delta.changes) == set(rows)
    for name, transposed in rows.items():
        w = weights[name].double()
        wanted = w - 0.4 * (w @ projector if transposed else projector @ w)
        torch.testing.assert_close(_moved(weights[name], delta, name), wanted.float(), atol=1e-6, rtol=1e-5)


def test_a_part_of_it_leaves_the_rest_of_an_embedding() -> None:
    """Where the stream begins, strength s leaves 1 - s of the component, and nothing else changes."""
    handle, r = _handle(), _direction()
    before, after = (_streams(one)[0].double() for one in (handle, _without(handle, r, 0.25)))
    torch.testing.assert_close(after @ r, 0.75 * (before @ r), atol=1e-5, rtol=1e-4)
    across = torch.eye(WIDTH, dtype=torch.float64) - torch.outer(r, r)
    torch.testing.assert_close(after @ across, before @ across, atol=1e-5, rtol=1e-4)


def test_learned_positions_are_among_the_writers() -> None:
    """A model that adds them to the embedding should have both listed, and every bias of what blocks add."""
    names = [one.name for one in writers(_handle("gpt2"))]
    assert names[:2] == ["transformer.wte.weight", "transformer.wpe.weight"]
    assert sum(name.endswith("bias") for name in names) == 2 * 3
    assert next(one.name for one in writers(_handle())) == "model.embed_tokens.weight"
    assert "lm_head.weight" not in names


def _moved(weight: Tensor, delta: Delta, name: str) -> Tensor:
    return summed(weight, delta.changes[name])
