"""A dictionary of directions in activation space, and the encoder that says which of them are there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.errors import BadOption
from assay.techniques.dictionaries.entries import Code
from assay.techniques.dictionaries.products import weighted_sums
from assay.techniques.dictionaries.rules import Rule

ROWS = 4096
"""Rows that are encoded at once: the dense matrix of pre-activations is what takes memory."""


@dataclass(frozen=True, eq=False)
class Dictionary:
    """``code = rule((x - decoder_bias) encoder.T + encoder_bias)``, ``x^ = code decoder + decoder_bias``.

    Everything is in the units of the activations: what training scaled is scaled back. Bricken et al. 2023,
    "Towards Monosemanticity"; Cunningham et al. 2023 (arXiv 2309.08600).

    >>> from assay.techniques.dictionaries.rules import KeepLargest
    >>> eye = torch.eye(3)
    >>> one = Dictionary(eye, eye, torch.zeros(3), torch.zeros(3), KeepLargest(1))
    >>> one.reconstructed(torch.tensor([[1.0, 5.0, 2.0]])).tolist()
    [[0.0, 5.0, 0.0]]
    """

    encoder: Float[Tensor, "latent d"]
    decoder: Float[Tensor, "latent d"]
    encoder_bias: Float[Tensor, " latent"]
    decoder_bias: Float[Tensor, " d"]
    rule: Rule
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Where it comes from: kind, model, site, tokens."""

    def __post_init__(self) -> None:
        latents, width = self.decoder.shape
        wrong = {
            "encoder": (self.encoder, (latents, width)),
            "encoder_bias": (self.encoder_bias, (latents,)),
            "decoder_bias": (self.decoder_bias, (width,)),
            **{name: (tensor, (latents,)) for name, tensor in self.rule.tensors().items()},
        }
        for name, (tensor, shape) in wrong.items():
            if tuple(tensor.shape) != shape:
                raise BadOption(
                    f"{name} has shape {tuple(tensor.shape)}, but a dictionary of {latents} latents in "
                    f"{width} dimensions needs {shape}"
                )

    @property
    def latents(self) -> int:
        """Number of directions."""
        return self.decoder.shape[0]

    @property
    def width(self) -> int:
        """Size of the activations."""
        return self.decoder.shape[1]

    def pre(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n latent"]:
        """Pre-activations; raises BadOption for rows of another width or that are not finite."""
        x = checked(x, self.width).to(self.encoder)
        return torch.addmm(self.encoder_bias, x - self.decoder_bias, self.encoder.T)

    def code(self, x: Float[Tensor, "n d"]) -> Code:
        """What is on in each row; for many rows use ``codes``."""
        return self.rule.code(self.pre(x))

    def codes(self, x: Float[Tensor, "n d"]) -> Iterator[tuple[Float[Tensor, "m d"], Code]]:
        """Rows and their codes, some at a time."""
        for part in x.split(ROWS):
            yield part, self.code(part)

    def decoded(self, code: Code) -> Float[Tensor, "n d"]:
        """The activations that a code stands for."""
        places = code.places
        return weighted_sums(places.starts, places.latents, code.values, self.decoder) + self.decoder_bias

    def reconstructed(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Each row as the dictionary tells it, in the type of ``x``."""
        return torch.cat([self.decoded(code) for _, code in self.codes(x)]).to(x)


def checked(x: Float[Tensor, "n d"], width: int) -> Float[Tensor, "n d"]:
    """The rows themselves; raises BadOption if they do not fit or hold what is no number."""
    if x.ndim != 2 or x.shape[1] != width:
        raise BadOption(
            f"activations of shape {tuple(x.shape)} do not fit a dictionary for rows of {width} numbers; was "
            "it made for another model or site?"
        )
    bad = ~x.isfinite().all(1)
    if bool(bad.any()):
        raise BadOption(
            f"{int(bad.sum())} of {len(x)} rows hold NaN or infinity, the first of them row "
            f"{int(bad.nonzero()[0, 0])}; read the activations in float32, or leave those texts out"
        )
    return x
