"""What every participant does with its trainer."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.dictionaries.inputs import Inputs
from benchmarks.work import Compared, Work


@dataclass(frozen=True)
class Trainer:
    """One participant's training, begun: a step, and the weights as they are now."""

    step: Callable[[int], object]
    """Takes the number of the step."""
    weights: Callable[[], tuple[Tensor, Tensor, Tensor, Tensor]]
    """Encoder and decoder "latent d", encoder's bias and decoder's bias."""


def trained(inputs: Inputs, begin: Callable[[], Trainer], *, batch_wide: bool) -> Work:
    """Some steps are timed; what is compared is a training of its own, from the same beginning."""
    timed, done = begin(), [0]

    def run() -> None:
        for _ in range(inputs.settings["timed_steps"]):
            timed.step(done[0])
            done[0] += 1

    def compared(_: object) -> Compared:
        fresh = begin()
        for step in range(inputs.settings["compared_steps"]):
            fresh.step(step)
        explained = variance_explained(inputs, fresh, batch_wide=batch_wide)
        # with the two ends of the scale beside it, so that differences have a measure
        return {"variance explained": torch.tensor([explained, 0.0, 1.0])}

    return Work(run, compared)


@torch.no_grad()
def variance_explained(inputs: Inputs, trainer: Trainer, *, batch_wide: bool) -> float:
    """``1 - sum |x - x^|^2 / sum |x - mean x|^2`` of held-out rows, with training's own choice of latents."""
    encoder, decoder, bias, centre = (part.detach() for part in trainer.weights())
    x, k = inputs["held_out"], inputs.settings["k"]
    pre = torch.relu((x - centre) @ encoder.T + bias)
    if batch_wide:
        kept = pre.flatten().topk(k * len(x))
        code = torch.zeros(pre.numel()).scatter(0, kept.indices, kept.values).view_as(pre)
    else:
        kept = pre.topk(k)
        code = torch.zeros_like(pre).scatter(1, kept.indices, kept.values)
    back = code @ decoder + centre
    return 1 - float((x - back).pow(2).sum() / (x - x.mean(0)).pow(2).sum())
