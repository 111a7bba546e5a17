"""Requests for what only white access may see: any site, weights, and where facts pass through a model."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from assay.access.request import Billed, Request, one_pass
from assay.core.price import Price
from assay.model.attribution.prompt_gradients import prompt_gradients
from assay.model.engine import Engine
from assay.model.patching.tracing import Noise, Part, Trace, Traced, trace
from assay.model.reading.read import read


@dataclass(frozen=True)
class SiteActivations(Request[list[Tensor]]):
    """One site at every token of each text."""

    texts: tuple[str, ...]
    site: str

    def quote(self, engine: Engine) -> Price:
        """One pass; nothing is unembedded unless logits were asked for."""
        logits = sum(engine.lengths(self.texts)) if self.site == "logits" else 0
        return one_pass(engine, self.texts, logits=logits)

    def answer(self, engine: Engine) -> Billed[list[Tensor]]:
        """See ``assay.model.reading.read``."""
        tokens = engine.tokens(self.texts)
        values = read(engine, tokens, [self.site])[self.site].float().cpu()
        cut = [row[:n].clone() for row, n in zip(values, tokens.lengths.tolist(), strict=True)]
        return Billed(cut, self.quote(engine))

    def narrowed(self, result: list[Tensor]) -> list[Tensor]:
        """Copies."""
        return [values.clone() for values in result]


@dataclass(frozen=True)
class PromptGradients(Request[list[Tensor]]):
    """Gradients of what should follow each prompt with respect to the embeddings of its tokens."""

    prompts: tuple[str, ...]
    continuations: tuple[str, ...]

    def quote(self, engine: Engine) -> Price:
        """A pass over the joined texts, one unembedding per token of a continuation, and the way back."""
        joined, starts = engine.split(self.prompts, self.continuations)
        lengths = engine.lengths(joined)
        logits = sum(lengths) - sum(starts)
        forward, back = (one_pass(engine, joined, logits=logits), engine.shape.backward(lengths, 0, logits))
        return replace(forward, tokens_backward=sum(lengths), flops=forward.flops + back)

    def answer(self, engine: Engine) -> Billed[list[Float[Tensor, "t d"]]]:
        """See ``assay.model.attribution.prompt_gradients``."""
        return Billed(prompt_gradients(engine, self.prompts, self.continuations), self.quote(engine))

    def narrowed(self, result: list[Tensor]) -> list[Tensor]:
        """Copies."""
        return [values.clone() for values in result]


@dataclass(frozen=True)
class Parameter(Request[Tensor]):
    """A copy of one weight."""

    name: str
    remembered = False

    def quote(self, engine: Engine) -> Price:  # noqa: ARG002
        """Nothing: the model does not run."""
        return Price()

    def answer(self, engine: Engine) -> Billed[Tensor]:
        """Raises KeyError for a name that the model lacks."""
        return Billed(dict(engine.model.named_parameters())[self.name].detach().clone(), Price())

    def narrowed(self, result: Tensor) -> Tensor:
        """It is a copy already."""
        return result


@dataclass(frozen=True)
class TraceFacts(Request[Trace]):
    """What restoring one state at a time gives back of facts whose subjects are drowned in noise."""

    facts: tuple[Traced, ...]
    part: Part
    noise: Noise
    window: int | None = None
    remembered = False

    def quote(self, engine: Engine) -> Price:
        """A pass for every fact, place, layer and draw, and one without noise."""
        lengths = engine.lengths([fact.text for fact in self.facts])
        runs = [1 + self.noise.draws * (1 + n * engine.n_layers) for n in lengths]
        flops = sum(k * engine.shape.forward([n], None, 1) for n, k in zip(lengths, runs, strict=True))
        return Price(
            queries=sum(runs),
            tokens_forward=sum(n * k for n, k in zip(lengths, runs, strict=True)),
            flops=flops,
        )

    def answer(self, engine: Engine) -> Billed[Trace]:
        """Billed by the tokens that really went through."""
        found = trace(engine, self.facts, self.part, self.noise, self.window)
        quote = self.quote(engine)
        share = found.tokens / max(quote.tokens_forward, 1)
        return Billed(found, replace(quote, tokens_forward=found.tokens, flops=share * quote.flops))

    def narrowed(self, result: Trace) -> Trace:
        """Nobody else holds it."""
        return result
