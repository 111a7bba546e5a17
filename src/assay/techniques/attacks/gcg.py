"""A universal text in front of prompts, searched for token by token."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from assay.access import WhiteHandle
from assay.core.errors import BadOption, NotApplicable
from assay.core.exam import Told

Ids = tuple[int, ...]
_BACK = 3
"""Passes that a gradient costs: one forward, and two there and back."""


@dataclass(frozen=True)
class Search:
    """How a text is looked for."""

    steps: int
    candidates: int
    """Texts tried in a step, each with one token swapped."""
    length: int = 8
    """Tokens of the text."""
    top: int = 16
    """Swaps that the gradient proposes for each token."""
    batch: int = 4
    """Pairs that the candidates of a step are tried on; all where there are fewer."""
    by: Literal["gradient", "random"] = "gradient"


@dataclass(frozen=True)
class Prefix:
    """What was found."""

    text: str
    """With its own space at the end."""
    gain: float
    """Nats by which it raises the mean log-probability of a reply above that with the first text, on the
    pairs that it was checked on."""
    course: tuple[float, ...] = field(repr=False)
    """The mean log-probability of a reply after each step, on the same pairs; the first text's first."""


def search(handle: WhiteHandle, pairs: Sequence[Told], how: Search, seed: int) -> Prefix:
    """The text that makes replies likeliest when it stands in front of their prompts.

    GCG (Zou et al., arXiv 2307.15043), universal: each step takes the gradient of ``mean log p(reply | text +
    prompt)`` over a fresh batch of pairs by the one-hot tokens of the text, ``E g_i`` at place i; tries texts
    with one token swapped for one of the ``top`` best at its place; and goes on from the best of them even
    where it is worse. What is returned is the text of the step that was best on pairs that stay the same.

    Under ``by="random"`` swaps are drawn from all tokens and a step only goes where it is better, in the
    manner of Andriushchenko et al. (arXiv 2404.02151): the same budget without a gradient, with as many texts
    more as the gradient costs passes. Tokens are whole words; texts that are not read back as the tokens they
    were made of are dropped.

    Raises:
        NotApplicable: the vocabulary holds too few whole words.
        BadOption: no pair.
    """
    if not pairs:
        raise BadOption("no pair of prompt and reply to look for a text with; give at least one")
    generator = torch.Generator().manual_seed(seed)
    words = Words.of(handle, pairs[0].prompt)
    now = words.drawn(how.length, generator)
    checked = _draw(pairs, 2 * how.batch, generator)
    course = [float(_scores(handle, [words.text(now)], checked)[0])]
    best, best_score = now, course[0]
    for _ in range(how.steps):
        batch = _draw(pairs, how.batch, generator)
        if how.by == "gradient":
            slopes = words.slopes(handle, now, batch)
            tried = words.readable(handle, _swapped(now, slopes, how, generator))
        else:
            anywhere = _swapped(now, torch.zeros(len(now), len(words.texts)), _blind(how), generator)
            tried = [now, *words.readable(handle, anywhere)]
        if tried:
            scores = _scores(handle, [words.text(one) for one in tried], batch)
            now = tried[int(scores.argmax())]
        course.append(float(_scores(handle, [words.text(now)], checked)[0]))
        if course[-1] > best_score:
            best, best_score = now, course[-1]
    return Prefix(words.text(best), best_score - course[0], tuple(course))


@dataclass(frozen=True, eq=False)
class Words:
    """Tokens that are whole words, numbered, and how a text of them is written."""

    texts: tuple[str, ...]
    tokens: Ids
    """Their numbers in the vocabulary."""
    embeddings: Float[Tensor, "word d"]
    lead: str
    """What stands before the first of them, if it would be read as another token at a text's beginning."""
    probe: str
    """A prompt that texts are tried in front of."""

    @classmethod
    def of(cls, handle: WhiteHandle, prompt: str) -> "Words":
        """The words of a model: tokens of letters and digits, or one mark, that are one token behind a word.

        Names of special tokens stand in brackets, so they are none.
        """
        first = prompt.split(maxsplit=1)[0]
        names = [name.strip() for name in handle.vocabulary]
        shown = [n for n, name in enumerate(names) if name.isalnum() or len(name) == 1]
        read = handle.continuation_ids([first] * len(shown), [f" {names[n]}" for n in shown])
        tokens = [n for n, ids in zip(shown, read, strict=True) if ids == [n]]
        if len(tokens) < 2:
            raise NotApplicable(
                "this model has no tokens that are whole words, so no text can be made of them"
            )
        texts = tuple(names[n] for n in tokens)
        seen = handle.site_activations([f"{first} {text}" for text in texts], "embed")
        embeddings = torch.stack([rows[-1] for rows in seen])
        free = cls(texts, tuple(tokens), embeddings, "", prompt)
        some = tuple(range(min(len(texts), 4)))
        return free if free.readable(handle, [some]) else cls(texts, free.tokens, embeddings, first, prompt)

    def drawn(self, length: int, generator: torch.Generator) -> Ids:
        """Some words to begin with."""
        return tuple(torch.randint(len(self.texts), (length,), generator=generator).tolist())

    def text(self, words: Ids) -> str:
        """As it stands in front of a prompt."""
        return " ".join([*([self.lead] if self.lead else []), *(self.texts[word] for word in words)]) + " "

    def readable(self, handle: WhiteHandle, some: Sequence[Ids]) -> list[Ids]:
        """Those texts that are read as the tokens that they were made of."""
        behind = [self.text(words)[len(self.lead) :] + self.probe for words in some]
        read = handle.continuation_ids([self.lead] * len(behind), behind)
        return [
            words
            for words, ids in zip(some, read, strict=True)
            if ids[: len(words)] == [self.tokens[word] for word in words]
        ]

    def slopes(self, handle: WhiteHandle, words: Ids, pairs: Sequence[Told]) -> Float[Tensor, "k word"]:
        """``d/d one-hot`` of the mean log-probability of the pairs' replies, at each place of a text.

        Up to a constant of each place, what a swap there changes to first order.
        """
        prompts = [self.text(words) + pair.prompt for pair in pairs]
        rows = handle.prompt_gradients(prompts, [f" {pair.reply}" for pair in pairs])
        own = handle.continuation_ids([self.lead] * len(prompts), [p[len(self.lead) :] for p in prompts])
        starts = [len(row) - len(ids) for row, ids in zip(rows, own, strict=True)]
        mine = [row[start : start + len(words)] for row, start in zip(rows, starts, strict=True)]
        return torch.stack(mine).mean(0) @ self.embeddings.T


def _swapped(now: Ids, slopes: Float[Tensor, "k word"], how: Search, generator: torch.Generator) -> list[Ids]:
    """Different texts with one token swapped, each drawn evenly from the best swaps of all places."""
    slopes = slopes.clone()
    slopes[torch.arange(len(now)), torch.tensor(now)] = -torch.inf  # a swap changes something
    best = slopes.topk(min(how.top, slopes.shape[1] - 1), dim=1).indices
    chosen = torch.randperm(best.numel(), generator=generator)[: how.candidates]
    places = [divmod(int(number), best.shape[1]) for number in chosen]
    return [(*now[:place], int(best[place, rank]), *now[place + 1 :]) for place, rank in places]


def _blind(how: Search) -> Search:
    """The same budget spent without a gradient: any word may come, and the present text is tried again."""
    return Search(how.steps, how.candidates + _BACK - 1, how.length, top=2**31)


def _draw(pairs: Sequence[Told], count: int, generator: torch.Generator) -> list[Told]:
    return [pairs[number] for number in torch.randperm(len(pairs), generator=generator)[:count].tolist()]


def _scores(handle: WhiteHandle, texts: Sequence[str], pairs: Sequence[Told]) -> Float[Tensor, " text"]:
    """The mean log-probability of the pairs' replies behind each text and their prompts."""
    prompts = [text + pair.prompt for text in texts for pair in pairs]
    sums, _ = handle.continuation_logprobs(prompts, [f" {pair.reply}" for _ in texts for pair in pairs])
    return sums.reshape(len(texts), len(pairs)).mean(1)
