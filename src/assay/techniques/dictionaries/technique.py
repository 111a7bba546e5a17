"""What kinds of dictionary have in common: one step's loss, settings, and the rule left at the end."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from assay.techniques.dictionaries.entries import Code
from assay.techniques.dictionaries.rules import Rule
from assay.techniques.dictionaries.weights import Batch, Few, Weights

_AUX = 1 / 32
"""Weight of the dead latents' loss (Gao et al. 2024, arXiv 2406.04093)."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a step found."""

    loss: Float[Tensor, ""]
    code: Code
    rest: Float[Tensor, "n d"]
    """What the reconstruction left over."""


class Technique(ABC):
    """A kind of dictionary: a frozen dataclass of settings, alone in a file that is named after it.

    Losses suppose activations of mean square norm 1 and decoder rows of norm 1; training sees to both.
    """

    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)
    """Adam's."""
    warms_up: ClassVar[bool] = False
    """Whether a penalty is brought in step by step."""

    @abstractmethod
    def on(self) -> float:
        """Latents that are to be on in a row, about."""

    @abstractmethod
    def outcome(self, batch: Batch) -> Outcome:
        """The loss of one batch."""

    @abstractmethod
    def rule(self, weights: Weights, pre: Iterable[Float[Tensor, "n latent"]]) -> Rule:
        """How latents are chosen from now on; ``pre`` are pre-activations of some batches, training over."""

    def rate(self, latents: int) -> float:
        """Adam's step: ``2e-4 / sqrt(latents / 2^14)``."""
        return 2e-4 / math.sqrt(latents / 2**14)

    def own(self, latents: int) -> dict[str, Tensor]:  # noqa: ARG002 - most have none
        """Parameters that only this kind has, as they are before the first step."""
        return {}

    def settle(self, weights: Weights) -> None:  # noqa: B027 - most have nothing to do
        """Bring parameters back to where they make sense, after each step."""

    def settings(self) -> dict[str, Any]:
        """Kind and settings, as they are stored."""
        return {"kind": type(self).__module__.rpartition(".")[2], **asdict(self)}  # pyright: ignore[reportArgumentType]


def kept(batch: Batch, some: Few) -> Outcome:
    """The loss of the kinds that keep the largest: squares, and the dead latents' share in what is left."""
    rest = batch.rest(some, some.z)
    return with_dead(batch, some, batch.squares(rest), rest)


def with_dead(batch: Batch, some: Few, loss: Float[Tensor, ""], rest: Float[Tensor, "n d"]) -> Outcome:
    """A loss and the share that dead latents have in it."""
    return Outcome(loss + _AUX * dead_share(batch, rest), some.code(some.z), rest.detach())


def dead_share(batch: Batch, rest: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """``|e - e^|^2 / |e - mean e|^2``: how badly latents that are never on would explain what is left over.

    ``e`` is what is left, without gradients; ``e^`` comes from the ``d / 2`` largest dead latents of each
    row, without bias. So dead latents learn where the others fail, and come back.
    """
    dead, w = batch.dead.nonzero()[:, 0], batch.weights
    if not len(dead):
        return rest.new_zeros(())
    pre = torch.addmm(w.encoder_bias[dead], batch.x - w.decoder_bias, w.encoder[dead].T).relu()
    values, places = pre.topk(min(w.decoder.shape[1] // 2, len(dead)), dim=1, sorted=False)
    found = torch.zeros_like(pre).scatter(1, places, values) @ w.decoder[dead]
    left = rest.detach()
    spread = batch.squares(left - left.mean(0))
    return (batch.squares(left - found) / spread).nan_to_num(0.0)
