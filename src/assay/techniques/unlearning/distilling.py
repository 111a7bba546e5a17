"""A teacher's predictions, written down so that another model can be trained to make them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle

MOST = 2**26
"""Numbers that are written down at most: 256 MiB in single precision."""
TOGETHER = 8
"""Lessons whose texts are asked about at once."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """What a model predicts at every position of the texts of some lessons."""

    lessons: Sequence[Sequence[str]]
    predicted: Mapping[str, Float[Tensor, "t vocabulary"]]
    """Text -> log-probabilities at every position that predicts one of its tokens."""

    def lesson(self, step: int) -> Sequence[str]:
        """The texts of a step; lessons are repeated when there are more steps than lessons."""
        return self.lessons[step % len(self.lessons)]

    def distributions(self, texts: Sequence[str], device: torch.device) -> Float[Tensor, "k vocabulary"]:
        """Its predictions on texts of a lesson, one text after the other."""
        return torch.cat([self.predicted[text] for text in texts]).to(device)


def teacher(handle: WhiteHandle, lessons: Sequence[Sequence[str]], most: int = MOST) -> Teacher:
    """Ask a model about each text of lessons once; later lessons are left out when too much is written down.

    ``most`` bounds the numbers kept, texts times tokens times vocabulary, but for what the last few lessons
    go beyond it.
    """
    predicted: dict[str, Tensor] = {}
    size, kept = 0, list[Sequence[str]]()
    for start in range(0, len(lessons), TOGETHER):
        if size >= most:
            break
        some = lessons[start : start + TOGETHER]
        new = [text for text in dict.fromkeys(t for lesson in some for t in lesson) if text not in predicted]
        for text, logits in zip(new, handle.site_activations(new, "logits") if new else [], strict=True):
            predicted[text] = logits[:-1].log_softmax(-1)  # the last position predicts what nobody says
            size += predicted[text].numel()
        kept += some
    return Teacher(kept, predicted)
