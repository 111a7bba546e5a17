"""A model with a change in force, asked through the same requests as any other."""

from dataclasses import replace
from typing import Any, TypeVar, final

import torch
from torch import Tensor

from assay.access.inside import PromptGradients
from assay.access.request import (
    Activations,
    Billed,
    ContinuationLogprobs,
    Generate,
    NextLogprobs,
    Request,
    TokenLogprobs,
)
from assay.access.source import Permit, Source
from assay.core.answer import Change
from assay.core.price import Price
from assay.cost import Stopwatch
from assay.model.changing.applying import applied
from assay.model.changing.change import changed
from assay.model.engine import Engine
from assay.model.generate import Reply

T = TypeVar("T")
UNLIKELY = -30.0
"""Log-probability of a token that a table does not say, in nats: it has no doubts, but logs need a number."""


@final
class Altered(Source):
    """Puts a change on the model for the length of each request, and takes it off to the bit.

    A context stands in front of every text that is read, written on or scored, and counts in the bill. A
    table answers prompts (to write on, to continue, or to say the next token of) without asking the model;
    texts that are scored as a whole go past it. Nothing is remembered between requests.
    """

    def __init__(self, engine: Engine, change: Change) -> None:
        super().__init__(engine)
        self.change = change

    def answer(self, request: Request[T], permit: Permit) -> Billed[T]:
        """Run it on the changed model and measure, reading the texts included."""
        with (
            Stopwatch(self.engine.device) as watch,
            applied(self.engine, *self.change.deltas, any_base=True),
            changed(self.engine, *self.change.hooks),
        ):
            billed = self._asked(request, permit)
        return Billed(billed.result, billed.price + watch.price)

    def _asked(self, request: Request[Any], permit: Permit) -> Billed[Any]:
        known = self._known(request)
        if not any(answer is not None for answer in known):
            return self._run(request, permit)
        rest = [number for number, answer in enumerate(known) if answer is None]
        asked = self._run(_some(request, rest), permit) if rest else Billed(None, Price())
        said = [(number, answer) for number, answer in enumerate(known) if answer is not None]
        return Billed(self._merged(request, asked.result, rest, said), asked.price)

    def _run(self, request: Request[Any], permit: Permit) -> Billed[Any]:
        """Ask the model, with the context in front."""
        context = self.change.context
        if context is None:
            permit(request.quote(self.engine))
            return request.answer(self.engine)
        longer = _behind(request, [context(text) for text in _texts(request)])
        permit(longer.quote(self.engine))
        billed = longer.answer(self.engine)
        if isinstance(request, TokenLogprobs):
            own = [length - 1 for length in self.engine.lengths(request.texts)]
            return Billed(_ends(billed.result, own, 0), billed.price)
        if isinstance(request, PromptGradients):
            start = len(self.engine.prefix)
            _, firsts = self.engine.split(request.prompts, request.continuations)
            return Billed(_ends(billed.result, [n - start for n in firsts], start), billed.price)
        return billed

    def _known(self, request: Request[Any]) -> list[str | None]:
        """What the table says to each prompt."""
        table = self.change.table
        if table is None or not isinstance(request, Generate | NextLogprobs | ContinuationLogprobs):
            return []
        return [table(text) for text in _texts(request)]

    def _merged(self, request: Request[Any], asked: Any, rest: list[int], said: list[tuple[int, str]]) -> Any:
        """What the model answered and what the table said, in the order of the request."""
        if isinstance(request, Generate):
            replies = dict(zip(rest, asked or (), strict=True))
            replies |= {number: _reply(self.engine, request, answer) for number, answer in said}
            return [replies[number] for number in range(len(replies))]
        if isinstance(request, NextLogprobs):
            rows = torch.full((len(request.texts), self.engine.vocabulary), UNLIKELY)
            for number, answer in said:
                rows[number, _first(self.engine, request.texts[number], answer)] = 0.0
            if rest:
                rows[rest] = asked
            return rows
        assert isinstance(request, ContinuationLogprobs)
        return self._continued(request, asked, rest, said)

    def _continued(
        self, request: ContinuationLogprobs, asked: Any, rest: list[int], said: list[tuple[int, str]]
    ) -> tuple[Tensor, Tensor]:
        _, starts = self.engine.split(request.prompts, request.continuations)
        whole = self.engine.lengths(
            [p + c for p, c in zip(request.prompts, request.continuations, strict=True)]
        )
        counts = torch.tensor([n - start for n, start in zip(whole, starts, strict=True)])
        sums = torch.zeros(len(request.prompts))
        for number, answer in said:
            agrees = f" {answer} ".startswith(f" {request.continuations[number].strip()} ")
            sums[number] = 0.0 if agrees else UNLIKELY * counts[number]
        if rest:
            sums[rest] = asked[0]
        return sums, counts


def _texts(request: Request[Any]) -> tuple[str, ...]:
    """The texts that a context can stand in front of."""
    if isinstance(request, Generate | ContinuationLogprobs | PromptGradients):
        return request.prompts
    if isinstance(request, NextLogprobs | TokenLogprobs | Activations):
        return request.texts
    return ()


def _ends(rows: list[Tensor], own: list[int], start: int) -> list[Tensor]:
    """Of each text the tokens that the tokenizer puts in front and its own last ones, without a context's."""
    return [torch.cat([row[:start], row[len(row) - n :]]) for row, n in zip(rows, own, strict=True)]


def _behind(request: Request[Any], contexts: list[str]) -> Request[Any]:
    """The request with a context in front of each of its texts."""
    longer = tuple(context + text for context, text in zip(contexts, _texts(request), strict=True))
    return _with_texts(request, longer) if longer else request


def _some(request: Request[Any], numbers: list[int]) -> Request[Any]:
    """The request for some of its texts only."""
    fewer = _with_texts(request, tuple(_texts(request)[number] for number in numbers))
    if isinstance(fewer, ContinuationLogprobs):
        return replace(fewer, continuations=tuple(fewer.continuations[number] for number in numbers))
    return fewer


def _with_texts(request: Request[Any], texts: tuple[str, ...]) -> Request[Any]:
    if isinstance(request, Generate | ContinuationLogprobs | PromptGradients):
        return replace(request, prompts=texts)
    if isinstance(request, NextLogprobs | TokenLogprobs | Activations):
        return replace(request, texts=texts)
    return request


def _reply(engine: Engine, request: Generate, answer: str) -> Reply:
    """A looked-up reply, cut to the length and at the strings that were asked for."""
    text, most = f" {answer}", request.how.max_tokens
    ids = engine.encode([text])[0][len(engine.prefix) :]
    if len(ids) > most:
        text = text[: engine.spans([text])[0][len(engine.prefix) + most - 1][1]]
    cuts = [text.index(stop) for stop in request.how.stop if stop in text]
    return Reply(text[: min(cuts, default=len(text))], min(len(ids), most), len(ids) < most or bool(cuts))


def _first(engine: Engine, prompt: str, answer: str) -> int:
    """The token with which an answer begins."""
    joined, starts = engine.split([prompt], [f" {answer}"])
    return engine.encode(joined)[0][starts[0]]
