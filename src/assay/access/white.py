"""White access: grey, and activations, gradients and weights."""

from collections.abc import Iterator, Mapping, Sequence
from weakref import WeakKeyDictionary

from jaxtyping import Float
from torch import Tensor

from assay.access.door import behind
from assay.access.grey import GreyHandle
from assay.access.request import Activations, Gradients, LogitLens, SequenceActivations, as_texts
from assay.core.errors import BadOption


class WhiteHandle(GreyHandle):
    """The door to a model for a method that declared white access.

    Layers are numbered 0 (what enters the first block) to ``n_layers`` (what leaves the last block, before
    the final norm). Every call raises what ``BlackHandle.generate`` raises. Tensors are float32 on the CPU.
    """

    __slots__ = ()

    @property
    def n_layers(self) -> int:
        """Number of blocks."""
        return behind(self).source.engine.n_layers

    @property
    def width(self) -> int:
        """Size of the residual stream."""
        return behind(self).source.engine.width

    def activations(self, texts: Sequence[str], layers: Sequence[int]) -> Float[Tensor, "n layer d"]:
        """Residual stream at the last token of each text, at the layers in the order given."""
        return behind(self).ask(Activations(as_texts(texts), tuple(layers)))

    def sequence_activations(self, texts: Sequence[str], layer: int) -> list[Float[Tensor, "t d"]]:
        """Residual stream at every token of each text, at one layer."""
        return behind(self).ask(SequenceActivations(as_texts(texts), layer))

    def gradients(self, texts: Sequence[str], layer: int) -> list[Float[Tensor, "t d"]]:
        """Gradient of each text's own log-likelihood with respect to the residual stream after ``layer``.

        d/dr Σ_j log p(token_j | tokens before j), at every position; zero at the last, which predicts only
        what comes after the text.
        """
        return behind(self).ask(Gradients(as_texts(texts), layer))

    def logit_lens(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n vocabulary"]:
        """Log-probabilities of the next token if rows of the residual stream went straight to the output."""
        content = rows.detach().cpu().float().contiguous()
        if content.ndim != 2:
            raise BadOption(f"rows of shape {tuple(rows.shape)}; give a matrix, one row for each place")
        return behind(self).ask(LogitLens(content.numpy().tobytes(), content.shape[1]))

    def parameters(self) -> Mapping[str, Tensor]:
        """All weights by name. Each look-up gives a fresh copy, so writing into one changes no model."""
        return Parameters(dict(behind(self).source.engine.model.named_parameters()))


class Parameters(Mapping[str, Tensor]):
    """Copies of a model's weights, made when looked up; no gradient flows through them."""

    __slots__ = ("__weakref__",)

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        _WEIGHTS[self] = weights

    def __getitem__(self, name: str) -> Tensor:
        return _WEIGHTS[self][name].detach().clone()

    def __iter__(self) -> Iterator[str]:
        return iter(list(_WEIGHTS[self]))

    def __len__(self) -> int:
        return len(_WEIGHTS[self])

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


_WEIGHTS: WeakKeyDictionary[Parameters, Mapping[str, Tensor]] = WeakKeyDictionary()
"""The weights themselves, kept where a method that holds the mapping does not trip over them."""
