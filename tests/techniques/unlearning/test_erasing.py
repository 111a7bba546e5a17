"""An eraser at work on a stream: in part, whole, and never on what the tokenizer puts in front."""

import pytest
import torch
from torch import Tensor

from assay.access import WhiteHandle, open_handle
from assay.core import Access, Change
from assay.techniques.leace import Eraser, leace
from assay.techniques.unlearning.erasing import erasing
from tests.model.tiny import TEXTS, tiny_engine

LAYER = 2


def _handle(family: str = "llama") -> WhiteHandle:
    return open_handle(tiny_engine(family), Access.WHITE)


def _rows(handle: WhiteHandle) -> list[Tensor]:
    return handle.sequence_activations(TEXTS, LAYER)


def _eraser(rows: list[Tensor]) -> tuple[Eraser, Tensor]:
    """Of the concept that a token stands in an even text; the labels too."""
    labels = torch.cat([torch.full((len(row) - 1,), number % 2) for number, row in enumerate(rows)])
    return leace(torch.cat([row[1:] for row in rows]), labels), labels


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_it_goes_a_part_of_the_way(family: str, strength: float) -> None:
    """Every row should stand between what it was and what the eraser makes of it alone."""
    handle = _handle(family)
    rows = _rows(handle)
    eraser, _ = _eraser(rows)
    changed = handle.changed(Change(hooks=(erasing(LAYER, eraser, strength, first=1),)))
    for before, after in zip(rows, _rows(changed), strict=True):
        assert torch.equal(before[0], after[0])
        whole = torch.stack(
            [row - (eraser.left @ (eraser.right @ (row.double() - eraser.mean))) for row in before[1:]]
        )
        wanted = (1 - strength) * before[1:].double() + strength * whole
        torch.testing.assert_close(after[1:].double(), wanted, atol=1e-4, rtol=1e-4)


def test_whole_it_leaves_both_kinds_of_text_the_same_mean() -> None:
    """That is what keeps any linear reader of the layer from telling one from the other."""
    handle = _handle()
    eraser, labels = _eraser(_rows(handle))
    changed = handle.changed(Change(hooks=(erasing(LAYER, eraser, 1.0, first=1),)))
    rows = torch.cat([row[1:] for row in _rows(changed)])
    torch.testing.assert_close(rows[labels == 0].mean(0), rows[labels == 1].mean(0), atol=1e-4, rtol=1e-4)
