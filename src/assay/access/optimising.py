"""Requests that take gradients for many steps: pushing activations towards an answer, training weights."""

from dataclasses import dataclass, replace

from assay.access.request import Billed, Request
from assay.core.price import Price
from assay.model.changing.push import Optimised, Pushed, Pushing, push
from assay.model.engine import Engine
from assay.model.sites.site import Site
from assay.model.training.descent import Descended, Descent, Guard, Lever, Loss, descend, quoted
from assay.model.training.tuning import Lesson, Tuned, Tuning, tune


@dataclass(frozen=True)
class Push(Request[Optimised]):
    """Vectors that, added to a site, make the model say what each item wants."""

    items: tuple[Pushed, ...]
    site: str
    how: Pushing

    def quote(self, engine: Engine) -> Price:
        """Every item taking all of its steps."""
        each = [(*(text + item.target for text in item.texts), item.essence) for item in self.items]
        lengths = engine.lengths([text for texts in each for text in texts if text])
        return _steps(engine, lengths, self.how.steps * sum(lengths), Site.parse(self.site).layer or 0)

    def answer(self, engine: Engine) -> Billed[Optimised]:
        """Billed by the tokens that gradients went through."""
        found = push(engine, self.items, self.site, self.how)
        return Billed(found, _spent(self.quote(engine), found.tokens))

    def narrowed(self, result: Optimised) -> Optimised:
        """Copies of its tensors."""
        return replace(result, start=result.start.clone(), change=result.change.clone())


@dataclass(frozen=True)
class Tune(Request[Tuned]):
    """A change of weights learnt from lessons."""

    lessons: tuple[Lesson, ...]
    how: Tuning
    kept: tuple[str, ...] = ()
    remembered = False

    def quote(self, engine: Engine) -> Price:
        """All steps with the longest batches that there can be."""
        lessons = sorted(engine.lengths([one.prompt + one.continuation for one in self.lessons]))
        kept = sorted(engine.lengths(self.kept)) if self.how.retain or self.how.kl else []
        batch = lessons[-self.how.batch :] + kept[-self.how.batch :]
        return _steps(engine, batch, self.how.steps * sum(batch), 0)

    def answer(self, engine: Engine) -> Billed[Tuned]:
        """Billed by the tokens that it was trained on."""
        found = tune(engine, self.lessons, self.how, self.kept)
        return Billed(found, _spent(self.quote(engine), found.tokens))

    def narrowed(self, result: Tuned) -> Tuned:
        """Nobody else holds it."""
        return result


@dataclass(frozen=True, eq=False)
class Descend(Request[Descended]):
    """A change of weights, or vectors at sites, found by lowering a loss."""

    loss: Loss
    how: Descent
    levers: tuple[Lever, ...] = ()
    guard: Guard | None = None
    remembered = False

    def quote(self, engine: Engine) -> Price:
        """All steps alike the first, which is run once without its gradient and not billed."""
        return quoted(engine, self.loss, self.how, self.levers, self.guard)

    def answer(self, engine: Engine) -> Billed[Descended]:
        """Billed by the tokens of all passes: backwards those that had gradients."""
        found = descend(engine, self.loss, self.how, self.levers, self.guard)
        return Billed(found, found.price)

    def narrowed(self, result: Descended) -> Descended:
        """Nobody else holds it."""
        return result


def _spent(quote: Price, tokens: int) -> Price:
    """The part of a quote that so many tokens took."""
    share = tokens / max(quote.tokens_backward, 1)
    return replace(quote, tokens_forward=tokens, tokens_backward=tokens, flops=share * quote.flops)


def _steps(engine: Engine, lengths: list[int], tokens: int, layer: int) -> Price:
    """Forward and backward passes over so many tokens in texts of these lengths."""
    once = sum(lengths)
    if not once:
        return Price()
    logits = once - len(lengths)
    flops = engine.shape.forward(lengths, None, logits) + engine.shape.backward(lengths, layer, logits)
    return Price(
        queries=len(lengths), tokens_forward=tokens, tokens_backward=tokens, flops=flops * tokens / once
    )
