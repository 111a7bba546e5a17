"""From pre-activations to what is on, as it is done once training is over."""

from dataclasses import dataclass, replace
from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from assay.techniques.dictionaries.entries import Code, Entries
from assay.techniques.dictionaries.selection import top_k


class Rule(Protocol):
    """Decides which latents of a row are on, and how much."""

    def code(self, pre: Float[Tensor, "n latent"]) -> Code:
        """What is on."""
        ...

    def scaled(self, factor: float) -> "Rule":
        """The same for pre-activations that are ``factor`` times as large."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """What it has learnt, one number per latent."""
        ...


@dataclass(frozen=True)
class KeepLargest:
    """The ``k`` largest of each row, where they are above zero (TopK)."""

    k: int

    def code(self, pre: Float[Tensor, "n latent"]) -> Code:
        """What is on."""
        places = top_k(pre, self.k)
        return Code(places, pre[places.rows, places.latents])

    def scaled(self, factor: float) -> "KeepLargest":  # noqa: ARG002 - order does not change
        """The same rule."""
        return self

    def tensors(self) -> dict[str, Tensor]:
        """Nothing is learnt."""
        return {}


@dataclass(frozen=True, eq=False)
class Above:
    """``z 1[z > threshold]``, with a threshold of zero or more for each latent (JumpReLU, ReLU)."""

    threshold: Float[Tensor, " latent"]

    def code(self, pre: Float[Tensor, "n latent"]) -> Code:
        """What is on."""
        places = Entries.where(pre > self.threshold.clamp_min(0))
        return Code(places, pre[places.rows, places.latents])

    def scaled(self, factor: float) -> "Above":
        """The threshold grows along."""
        return Above(self.threshold * factor)

    def tensors(self) -> dict[str, Tensor]:
        """The threshold."""
        return {"threshold": self.threshold}


@dataclass(frozen=True, eq=False)
class Gate:
    """``1[z > 0] relu(exp(gain) (z - shift) + bias)`` (Gated): one product says whether and how much.

    ``z`` is the gate's pre-activation, ``shift`` the gate's own bias in it.
    """

    gain: Float[Tensor, " latent"]
    shift: Float[Tensor, " latent"]
    bias: Float[Tensor, " latent"]

    def code(self, pre: Float[Tensor, "n latent"]) -> Code:
        """What is on."""
        places = Entries.where(pre > 0)
        z, at = pre[places.rows, places.latents], places.latents
        values = (self.gain[at].exp() * (z - self.shift[at]) + self.bias[at]).relu()
        keep = values > 0
        return Code(places.some(keep), values[keep])

    def scaled(self, factor: float) -> "Gate":
        """Both biases grow along."""
        return replace(self, shift=self.shift * factor, bias=self.bias * factor)

    def tensors(self) -> dict[str, Tensor]:
        """Gain and biases."""
        return {"gain": self.gain, "shift": self.shift, "bias": self.bias}
