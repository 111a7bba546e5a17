"""A teacher's predictions: those of the model, text after text, and no more than there is room for."""

import pytest
import torch

from assay.access import open_handle
from assay.core import Access
from assay.model.training.descent import Descent, Passes
from assay.techniques.unlearning import distilling
from assay.techniques.unlearning.distilling import teacher
from tests.model.tiny import TEXTS, tiny_engine

LESSONS = [TEXTS[:2], TEXTS[2:4], TEXTS[1:3]]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_they_stand_as_a_student_s_do(family: str) -> None:
    """Row for row what the loss sees of the same model, whichever texts are asked for."""
    handle = open_handle(tiny_engine(family), Access.WHITE)
    told_by = teacher(handle, LESSONS)

    def loss(passes: Passes, step: int) -> torch.Tensor:
        texts = told_by.lesson(step)
        own = passes.distributions(texts)
        torch.testing.assert_close(
            told_by.distributions(texts, passes.device), own.detach(), atol=1e-4, rtol=1e-4
        )
        return own.sum()

    handle.descend(loss, Descent(steps=1, lr=0.0))


def test_lessons_come_round_again() -> None:
    """A fourth step is the first lesson's."""
    told_by = teacher(open_handle(tiny_engine(), Access.WHITE), LESSONS)
    assert [told_by.lesson(step) for step in range(5)] == [*LESSONS, *LESSONS[:2]]


def test_later_lessons_are_left_out_when_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first are kept whatever their size; a text that comes twice is written down once."""
    monkeypatch.setattr(distilling, "TOGETHER", 2)
    handle = open_handle(tiny_engine(), Access.WHITE)
    assert teacher(handle, LESSONS, most=1).lessons == LESSONS[:2]
    told_by = teacher(handle, LESSONS)
    assert told_by.lessons == LESSONS
    assert told_by.predicted.keys() == set(TEXTS[:4])
