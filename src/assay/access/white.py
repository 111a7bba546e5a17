"""White access: grey, and activations, gradients and weights."""

from collections.abc import Iterator, Mapping, Sequence
from weakref import WeakKeyDictionary

from jaxtyping import Float
from torch import Tensor

from assay.access.door import Door, behind
from assay.access.grey import GreyHandle
from assay.access.inside import Parameter, PromptGradients, SiteActivations, TraceFacts
from assay.access.optimising import Descend, Push, Tune
from assay.access.request import Activations, Gradients, LogitLens, SequenceActivations, as_texts
from assay.core.errors import BadOption
from assay.model.changing.push import Optimised, Pushed, Pushing
from assay.model.patching.tracing import Noise, Part, Trace, Traced
from assay.model.sites.weight import Weight
from assay.model.training.descent import Descended, Descent, Guard, Lever, Loss
from assay.model.training.tuning import Lesson, Tuned, Tuning


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

    def prompt_gradients(
        self, prompts: Sequence[str], continuations: Sequence[str]
    ) -> list[Float[Tensor, "t d"]]:
        """Gradient of log p(continuation | prompt) with respect to the embedding of each prompt's tokens.

        A row for each token of the prompt, those that the tokenizer puts in front by default included.
        """
        return behind(self).ask(PromptGradients(as_texts(prompts), as_texts(continuations)))

    def logit_lens(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n vocabulary"]:
        """Log-probabilities of the next token if rows of the residual stream went straight to the output."""
        content = rows.detach().cpu().float().contiguous()
        if content.ndim != 2:
            raise BadOption(f"rows of shape {tuple(rows.shape)}; give a matrix, one row for each place")
        return behind(self).ask(LogitLens(content.numpy().tobytes(), content.shape[1]))

    def site_activations(self, texts: Sequence[str], site: str) -> list[Float[Tensor, "t d"]]:
        """Any site of the model (such as ``mlp_hidden.3``) at every token of each text."""
        return behind(self).ask(SiteActivations(as_texts(texts), site))

    def weight(self, site: str) -> Weight:
        """The name of the weight that reads a site, and which way round it is stored."""
        return behind(self).source.engine.body.sites.weight(site)

    def push(self, items: Sequence[Pushed], site: str, how: Pushing) -> Optimised:
        """Vectors that, added to a site at the subject, make the model give each item's target."""
        return behind(self).ask(Push(tuple(items), site, how))

    def tune(self, lessons: Sequence[Lesson], how: Tuning, kept: Sequence[str] = ()) -> Tuned:
        """Train weights on lessons and return what became of them as a delta; the model stays as it is."""
        return behind(self).ask(Tune(tuple(lessons), how, tuple(kept)))

    def descend(
        self, loss: Loss, how: Descent, levers: Sequence[Lever] = (), guard: Guard | None = None
    ) -> Descended:
        """Lower any loss by training weights or levers, up to a bound on damage; the model stays as it is.

        A context or a table that stands in front of the model is no part of it and is not met.
        """
        return behind(self).ask(Descend(loss, how, tuple(levers), guard))

    def trace(self, facts: Sequence[Traced], part: Part, noise: Noise, window: int | None = None) -> Trace:
        """What restoring one state at a time gives back of facts whose subjects are drowned in noise."""
        return behind(self).ask(TraceFacts(tuple(facts), part, noise, window))

    def parameters(self) -> Mapping[str, Tensor]:
        """All weights by name. Each look-up gives a fresh copy, so writing into one changes no model."""
        names = [name for name, _ in behind(self).source.engine.model.named_parameters()]
        return Parameters(behind(self), names)


class Parameters(Mapping[str, Tensor]):
    """Copies of a model's weights, made when looked up; no gradient flows through them."""

    __slots__ = ("__weakref__",)

    def __init__(self, door: Door, names: Sequence[str]) -> None:
        _WEIGHTS[self] = door, tuple(names)

    def __getitem__(self, name: str) -> Tensor:
        door, names = _WEIGHTS[self]
        if name not in names:
            raise KeyError(name)
        return door.ask(Parameter(name))

    def __iter__(self) -> Iterator[str]:
        return iter(_WEIGHTS[self][1])

    def __len__(self) -> int:
        return len(_WEIGHTS[self][1])

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


_WEIGHTS: WeakKeyDictionary[Parameters, tuple[Door, tuple[str, ...]]] = WeakKeyDictionary()
"""The way to the weights, kept where a method that holds the mapping does not trip over it."""
