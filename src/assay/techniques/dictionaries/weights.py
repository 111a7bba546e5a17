"""What is trained, and what one step of training sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assay.techniques.dictionaries.entries import Code, Entries
from assay.techniques.dictionaries.products import decoded, picked

_SPARSE_BELOW = 0.02
"""Share of places that are on, below which products of those alone are cheaper than dense ones."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Leaf tensors; ``own`` are those that only one kind of dictionary has."""

    encoder: Float[Tensor, "latent d"]
    decoder: Float[Tensor, "latent d"]
    encoder_bias: Float[Tensor, " latent"]
    decoder_bias: Float[Tensor, " d"]
    own: Mapping[str, Tensor]

    def named(self) -> dict[str, Tensor]:
        """All of them by name."""
        given = {name: getattr(self, name) for name in ("encoder", "decoder", "encoder_bias", "decoder_bias")}
        return {**given, **self.own}


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's activations, and what the weights make of them before anything is chosen."""

    x: Float[Tensor, "n d"]
    weights: Weights
    dead: Bool[Tensor, " latent"]
    """Latents that have not been on for long."""
    ramp: float
    """From 0 to 1 while penalties are brought in."""
    space: Float[Tensor, "n latent"] | None = None
    """Where pre-activations may be put: fresh memory for the largest matrix of a step takes a tenth of it."""

    @cached_property
    def pre(self) -> Float[Tensor, "n latent"]:
        """Pre-activations without gradients; a kind asks for those that it needs by ``at`` or ``where``."""
        w = self.weights
        with torch.no_grad():
            return torch.addmm(w.encoder_bias, self.x - w.decoder_bias, w.encoder.T, out=self.space)

    def at(self, places: Entries) -> "Few":
        """Pre-activations at some places, with gradients."""
        w = self.weights
        return Few(picked(self.pre, self.x, w.encoder, w.encoder_bias, w.decoder_bias, places), places)

    def where(self, mask: Bool[Tensor, "n latent"]) -> "Picked":
        """The same by a mask; what lies outside of it may come along where it holds for many."""
        if float(mask.sum()) < _SPARSE_BELOW * mask.numel():
            return self.at(Entries.where(mask))
        w = self.weights
        return Many(torch.addmm(w.encoder_bias, self.x - w.decoder_bias, w.encoder.T))

    def rest(self, some: "Picked", values: Float[Tensor, "*places"]) -> Float[Tensor, "n d"]:
        """What a reconstruction from some values leaves over."""
        return self.x - (some.decoded(values, self.weights.decoder) + self.weights.decoder_bias)

    def squares(self, rest: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
        """``|rest|^2``, mean over rows."""
        return rest.pow(2).sum(1).mean()


class Picked(Protocol):
    """Pre-activations with gradients, of which formulas are written once for few places and for all."""

    @property
    def z(self) -> Float[Tensor, "*places"]:
        """At each place."""
        ...

    def of(self, parameter: Float[Tensor, " latent"]) -> Float[Tensor, "*places"]:
        """A parameter of latents at each place."""
        ...

    def decoded(
        self, values: Float[Tensor, "*places"], decoder: Float[Tensor, "latent d"]
    ) -> Float[Tensor, "n d"]:
        """``values @ decoder``."""
        ...

    def code(self, values: Float[Tensor, "*places"]) -> Code:
        """Which of the values are above zero."""
        ...


@dataclass(frozen=True, eq=False)
class Few:
    """Some places."""

    z: Float[Tensor, " e"]
    places: Entries

    def of(self, parameter: Float[Tensor, " latent"]) -> Float[Tensor, " e"]:
        """A parameter of latents at each place."""
        return parameter[self.places.latents]

    def decoded(
        self, values: Float[Tensor, " e"], decoder: Float[Tensor, "latent d"]
    ) -> Float[Tensor, "n d"]:
        """``values @ decoder``."""
        return decoded(values, decoder, self.places)

    def code(self, values: Float[Tensor, " e"]) -> Code:
        """Which of the values are above zero."""
        return Code(self.places, values.detach())


@dataclass(frozen=True, eq=False)
class Many:
    """All places."""

    z: Float[Tensor, "n latent"]

    def of(self, parameter: Float[Tensor, " latent"]) -> Float[Tensor, " latent"]:
        """A parameter of latents, for all rows."""
        return parameter

    def decoded(
        self, values: Float[Tensor, "n latent"], decoder: Float[Tensor, "latent d"]
    ) -> Float[Tensor, "n d"]:
        """``values @ decoder``."""
        return values @ decoder

    def code(self, values: Float[Tensor, "n latent"]) -> Code:
        """Which of the values are above zero."""
        places = Entries.where(values.detach() > 0)
        return Code(places, values.detach()[places.rows, places.latents])
