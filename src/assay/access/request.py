"""What can be asked of a model: one frozen value per call, which knows its price before it is answered."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.core.price import Price
from assay.model.engine import Engine
from assay.model.generate import Reply, Sampling
from assay.model.reading.logit_lens import logit_lens

T = TypeVar("T")


def as_texts(texts: Sequence[str]) -> tuple[str, ...]:
    """Texts as a request keeps them; one bare string, whose letters would pass for texts, is refused."""
    if isinstance(texts, str):
        raise BadOption("got one string where a list of texts is needed; put it into a list")
    return tuple(texts)


class Billed(NamedTuple, Generic[T]):
    """A result and what it cost."""

    result: T
    price: Price


class Request(ABC, Generic[T]):
    """One call. Two equal requests to the same model have equal results."""

    remembered = True
    """Whether a result may be kept for the next to ask; not those that are large and asked for once."""

    @abstractmethod
    def quote(self, engine: Engine) -> Price:
        """Counts and operations of this call alone: exact, or the most there can be for written replies."""

    @abstractmethod
    def answer(self, engine: Engine) -> Billed[T]:
        """Do the work; the price holds counts and operations, no seconds."""

    def widened(self, engine: Engine) -> "Request[T]":  # noqa: ARG002
        """A request that costs one pass and holds the results of this one and of its relatives."""
        return self

    @abstractmethod
    def narrowed(self, result: T) -> T:
        """A fresh copy of this request's result, taken out of the widened one's."""


@dataclass(frozen=True)
class Generate(Request[list[Reply]]):
    """Write replies."""

    prompts: tuple[str, ...]
    how: Sampling

    def quote(self, engine: Engine) -> Price:
        """Every reply as long as it may become."""
        return self._price(engine, [self.how.max_tokens] * len(self.prompts))

    def answer(self, engine: Engine) -> Billed[list[Reply]]:
        """Replies, billed at their real lengths."""
        replies = engine.replies(self.prompts, self.how)
        return Billed(replies, self._price(engine, [reply.n_tokens for reply in replies]))

    def narrowed(self, result: list[Reply]) -> list[Reply]:
        """A new list."""
        return list(result)

    def _price(self, engine: Engine, replies: Sequence[int]) -> Price:
        prompts = engine.lengths(self.prompts)
        return Price(
            queries=len(prompts),
            # The last token of a reply is drawn but never goes through the model.
            tokens_forward=sum(prompts) + sum(replies) - len(replies),
            flops=engine.shape.generation(prompts, replies),
        )


@dataclass(frozen=True)
class NextLogprobs(Request[Tensor]):
    """Log-probabilities of the token after each text."""

    texts: tuple[str, ...]

    def quote(self, engine: Engine) -> Price:
        """One pass, one unembedding per text."""
        return one_pass(engine, self.texts, logits=len(self.texts))

    def answer(self, engine: Engine) -> Billed[Float[Tensor, "n vocabulary"]]:
        """See ``Engine.next_logprobs``."""
        return Billed(engine.next_logprobs(self.texts), self.quote(engine))

    def narrowed(self, result: Tensor) -> Tensor:
        """A copy."""
        return result.clone()


@dataclass(frozen=True)
class TokenLogprobs(Request[list[Tensor]]):
    """Log-probabilities of each text's own tokens."""

    texts: tuple[str, ...]

    def quote(self, engine: Engine) -> Price:
        """One pass, one unembedding per token but the first."""
        lengths = engine.lengths(self.texts)
        return one_pass(engine, self.texts, logits=sum(lengths) - len(lengths))

    def answer(self, engine: Engine) -> Billed[list[Float[Tensor, " t"]]]:
        """See ``Engine.token_logprobs``."""
        return Billed(engine.token_logprobs(self.texts), self.quote(engine))

    def narrowed(self, result: list[Tensor]) -> list[Tensor]:
        """Copies."""
        return [values.clone() for values in result]


@dataclass(frozen=True)
class ContinuationLogprobs(Request[tuple[Tensor, Tensor]]):
    """Log-probabilities of continuations given their prompts."""

    prompts: tuple[str, ...]
    continuations: tuple[str, ...]

    def quote(self, engine: Engine) -> Price:
        """Joined texts less what those with one prompt share; one unembedding per token of a continuation."""
        ids, starts, together = engine.continued(self.prompts, self.continuations)
        lengths, forked = list(map(len, ids)), {number for fork in together for number in fork.texts}
        whole = [length for number, length in enumerate(lengths) if number not in forked]
        whole += [fork.stem for fork in together]
        stems = [fork.stem for fork in together for _ in fork.texts]
        # a text's last token is predicted and never goes through
        more = [lengths[number] - 1 - fork.stem for fork in together for number in fork.texts]
        logits = sum(lengths) - sum(starts)
        return Price(
            queries=len(lengths),
            tokens_forward=sum(whole) + sum(more),
            flops=engine.shape.forward(whole, None, logits) + engine.shape.further(stems, more),
        )

    def answer(self, engine: Engine) -> Billed[tuple[Float[Tensor, " n"], Int[Tensor, " n"]]]:
        """See ``Engine.continuation_logprobs``."""
        return Billed(engine.continuation_logprobs(self.prompts, self.continuations), self.quote(engine))

    def narrowed(self, result: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Copies."""
        return result[0].clone(), result[1].clone()


@dataclass(frozen=True)
class Activations(Request[Tensor]):
    """Residual stream at last tokens."""

    texts: tuple[str, ...]
    layers: tuple[int, ...]

    def quote(self, engine: Engine) -> Price:
        """One pass up to the highest layer; nothing is unembedded."""
        return one_pass(engine, self.texts, up_to=max(self.layers, default=0))

    def answer(self, engine: Engine) -> Billed[Float[Tensor, "n layer d"]]:
        """See ``Engine.activations``."""
        return Billed(engine.activations(self.texts, self.layers), self.quote(engine))

    def widened(self, engine: Engine) -> "Activations":
        """The same texts at every layer."""
        engine.check_layers(self.layers)
        return replace(self, layers=tuple(range(engine.n_layers + 1)))

    def narrowed(self, result: Tensor) -> Tensor:
        """The layers that were asked for."""
        return result[:, torch.tensor(self.layers)]


@dataclass(frozen=True)
class SequenceActivations(Request[list[Tensor]]):
    """Residual stream at every token, at one layer."""

    texts: tuple[str, ...]
    layer: int

    def quote(self, engine: Engine) -> Price:
        """One pass up to the layer."""
        return one_pass(engine, self.texts, up_to=self.layer)

    def answer(self, engine: Engine) -> Billed[list[Float[Tensor, "t d"]]]:
        """See ``Engine.sequence_activations``."""
        return Billed(engine.sequence_activations(self.texts, self.layer), self.quote(engine))

    def narrowed(self, result: list[Tensor]) -> list[Tensor]:
        """Copies."""
        return [values.clone() for values in result]


@dataclass(frozen=True)
class Gradients(Request[list[Tensor]]):
    """Gradients of each text's own log-likelihood."""

    texts: tuple[str, ...]
    layer: int

    def quote(self, engine: Engine) -> Price:
        """A full pass with logits, and the way back to the layer."""
        lengths = engine.lengths(self.texts)
        logits = sum(lengths) - len(lengths)
        back = engine.shape.backward(lengths, self.layer, logits)
        forward = one_pass(engine, self.texts, logits=logits)
        return replace(forward, tokens_backward=sum(lengths), flops=forward.flops + back)

    def answer(self, engine: Engine) -> Billed[list[Float[Tensor, "t d"]]]:
        """See ``Engine.gradients``."""
        return Billed(engine.gradients(self.texts, self.layer), self.quote(engine))

    def narrowed(self, result: list[Tensor]) -> list[Tensor]:
        """Copies."""
        return [values.clone() for values in result]


@dataclass(frozen=True)
class LogitLens(Request[Tensor]):
    """What rows of the residual stream would say if the model ended there."""

    rows: bytes
    """Float32, row after row; bytes, so that equal requests are written alike."""
    width: int

    def quote(self, engine: Engine) -> Price:
        """One token and one unembedding for each row."""
        count = len(self.rows) // (4 * self.width)
        flops = engine.shape.forward([1] * count, None, count)
        return Price(queries=count, tokens_forward=count, flops=flops)

    def answer(self, engine: Engine) -> Billed[Float[Tensor, "n vocabulary"]]:
        """See ``logit_lens``."""
        rows = np.frombuffer(self.rows, dtype=np.float32).reshape(-1, self.width)
        return Billed(logit_lens(engine, torch.from_numpy(rows.copy())), self.quote(engine))

    def narrowed(self, result: Tensor) -> Tensor:
        """A copy."""
        return result.clone()


def one_pass(engine: Engine, texts: Sequence[str], up_to: int | None = None, logits: int = 0) -> Price:
    """The price of one pass over texts: up to a layer, and with so many positions unembedded."""
    lengths = engine.lengths(texts)
    flops = engine.shape.forward(lengths, up_to, logits)
    return Price(queries=len(lengths), tokens_forward=sum(lengths), flops=flops)
