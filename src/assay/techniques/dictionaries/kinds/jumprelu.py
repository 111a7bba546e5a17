"""JumpReLU: every latent has a threshold of its own, learnt through a window around it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from assay.techniques.dictionaries.rules import Above
from assay.techniques.dictionaries.technique import Outcome, Technique
from assay.techniques.dictionaries.weights import Batch, Weights


@dataclass(frozen=True)
class JumpReLU(Technique):
    """``f = z 1[z > theta]``, loss ``|x - x^|^2 + penalty (L0 / l0 - 1)^2``.

    ``d f / d theta = -(theta / eps) K((z - theta) / eps)`` and
    ``d 1[z > theta] / d theta = -(1 / eps) K(...)`` with K the rectangle of width 1. Both look at ``z``
    itself: what is just below its threshold counts too. Rajamanoharan et al. 2024, arXiv 2407.14435.
    """

    betas: ClassVar[tuple[float, float]] = (0.0, 0.999)
    warms_up: ClassVar[bool] = True
    l0: float = 32.0
    """Latents that are to be on."""
    penalty: float = 1.0
    eps: float = 0.001
    """Width of the window."""
    theta: float = 0.001
    """Every threshold before the first step."""

    def on(self) -> float:
        """The target."""
        return self.l0

    def own(self, latents: int) -> dict[str, Tensor]:
        """The thresholds."""
        return {"threshold": torch.full((latents,), self.theta)}

    def settle(self, weights: Weights) -> None:
        """No threshold below zero."""
        weights.own["threshold"].clamp_min_(0.0)

    def outcome(self, batch: Batch) -> Outcome:
        """The loss of one batch."""
        threshold = batch.weights.own["threshold"]
        some = batch.where(batch.pre > threshold.detach() - self.eps / 2)
        values, is_on = jumped(some.z, some.of(threshold), self.eps)
        rest = batch.rest(some, values)
        excess = is_on.sum() / len(batch.x) / self.l0 - 1
        loss = batch.squares(rest) + batch.ramp * self.penalty * excess**2
        return Outcome(loss, some.code(values), rest.detach())

    def rule(self, weights: Weights, pre: Iterable[Tensor]) -> Above:  # noqa: ARG002
        """The thresholds that were learnt."""
        return Above(weights.own["threshold"].detach().clone())

    def rate(self, latents: int) -> float:  # noqa: ARG002
        """Adam's step."""
        return 7e-5


def jumped(
    z: Float[Tensor, "*places"], theta: Float[Tensor, "*places"], eps: float
) -> tuple[Float[Tensor, "*places"], Float[Tensor, "*places"]]:
    """``z 1[z > theta]`` and ``1[z > theta]``, with the straight-through gradients for ``theta``."""
    return _Jump.apply(z, theta, eps)  # pyright: ignore[reportReturnType] - torch leaves it open


class _Jump(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, theta: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(z, theta)
        ctx.eps = eps
        is_on = (z > theta).to(z)
        return z * is_on, is_on

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (to_value, to_step), (z, theta), eps = grads, ctx.saved_tensors, ctx.eps
        window = ((z - theta).abs() < eps / 2).to(z) / eps
        to_theta = -window * (theta * to_value + to_step)
        return to_value * (z > theta), to_theta.sum_to_size(theta.shape), None


TECHNIQUE = JumpReLU
