"""Writing replies in batches, with a key-value cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from assay.core.errors import BadOption
from assay.model.batching import pad_left
from assay.model.body import Body
from assay.model.sites.moment import Moment

Texts = Callable[[Sequence[list[int]], Sequence[list[int]]], list[str]]
"""(prompts, their new tokens) -> what the new tokens add as text."""


@dataclass(frozen=True)
class Sampling:
    """How to write: temperature 0 takes the likeliest token, else draw from softmax(logits / temperature).

    Each text and step has its own uniform number, derived from ``seed`` and the text's place in the list, so
    a draw does not depend on how texts are batched. A reply ends before the first of the ``stop`` strings.
    """

    max_tokens: int
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise BadOption(f"max_tokens is {self.max_tokens}; a reply needs at least 1")
        if not 0 <= self.temperature < float("inf"):
            raise BadOption(f"temperature is {self.temperature}; give 0 (greedy) or a positive number")
        if "" in self.stop:
            raise BadOption("stop holds an empty string, which would end every reply at once; leave it out")

    @classmethod
    def of(
        cls, max_tokens: int, temperature: float, seed: int, stop: str | Sequence[str] | None
    ) -> "Sampling":
        """The same from the looser arguments of ``generate``: one stop string, several, or None."""
        stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
        return cls(max_tokens, temperature, seed, stops)

    def uniform(self, n: int) -> Float[Tensor, "n step"]:
        """The numbers that ``n`` replies are drawn with."""
        if self.temperature == 0:
            return torch.zeros(n, self.max_tokens)
        source = torch.Generator().manual_seed(self.seed)
        return torch.rand(n, self.max_tokens, generator=source, dtype=torch.float64)

    def reply(self, text: str, draft: "Draft") -> "Reply":
        """The finished reply, cut before the first stop string."""
        cuts = [text.index(stop) for stop in self.stop if stop in text]
        return Reply(text[: min(cuts, default=len(text))], draft.n_tokens, draft.ended)


@dataclass(frozen=True)
class Reply:
    """What a model wrote."""

    text: str
    n_tokens: int
    """Tokens drawn, an end-of-text token included."""
    ended: bool
    """Whether it ended by itself or at a stop string, not at the token limit."""


@dataclass
class Draft:
    """A reply in the making."""

    ids: list[int] = field(default_factory=lambda: [])
    """Tokens drawn so far, without the end-of-text token."""
    n_tokens: int = 0
    ended: bool = False


class Writer:
    """Writes the replies to batches of prompts; rows that have ended leave their batch once half have."""

    def __init__(self, body: Body, ends: frozenset[int], sampling: Sampling, texts: Texts) -> None:
        self._body, self._sampling, self._texts = body, sampling, texts
        self._ends = ends

    def write(
        self, prompts: Sequence[list[int]], uniform: Float[Tensor, "n step"], numbers: Sequence[int]
    ) -> list[Draft]:
        """Continue every prompt; ``uniform`` holds the numbers that draws are made with.

        ``numbers`` says which of the caller's texts each prompt is.
        """
        drafts = [Draft() for _ in prompts]
        alive = list(range(len(prompts)))  # rows still computed; those that ended since are among them
        ids, mask, positions = pad_left(prompts, self._body.device)
        texts = torch.tensor(numbers, device=ids.device)
        moment = Moment(ids, positions.where(mask, -1), mask.sum(-1), texts)
        cache: Any = None
        for step in range(self._sampling.max_tokens):
            with self._body.at(moment):
                out = self._body.step(ids, mask, positions, cache)
            cache, logits = out.past_key_values, out.logits[:, -1]
            chosen = self._choose(logits, uniform[alive, step])
            self._record(alive, chosen.tolist(), drafts)
            self._stop(prompts, drafts)
            going = [place for place, row in enumerate(alive) if not drafts[row].ended]
            if not going:
                break
            chosen = chosen.to(ids.device)
            if 2 * len(going) <= len(alive):
                keep = torch.tensor(going)  # on the CPU: layers of the cache may lie on several devices
                cache.batch_select_indices(keep)
                chosen, mask, positions = chosen[keep], mask[keep], positions[keep]
                moment = replace(moment, lengths=moment.lengths[keep], numbers=moment.numbers[keep])
                alive = [alive[place] for place in going]
            so_far = positions[:, -1] + 1
            mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
            ids, positions = chosen[:, None], so_far[:, None]
            if self._body.rotations.changed(so_far, so_far + 1):
                ids, mask, positions = self._anew(prompts, drafts, alive)
                cache = None
            moment = replace(moment, ids=ids, positions=positions.where(mask[:, -ids.shape[1] :], -1))
        return drafts

    def _anew(
        self, prompts: Sequence[list[int]], drafts: list[Draft], alive: list[int]
    ) -> tuple[Int[Tensor, "n t"], Bool[Tensor, "n t"], Int[Tensor, "n t"]]:
        """All that has been written so far, as if it were given: what was kept of it holds no longer."""
        return pad_left([prompts[row] + drafts[row].ids for row in alive], self._body.device)

    def _choose(
        self, logits: Float[Tensor, "n vocabulary"], uniform: Float[Tensor, " n"]
    ) -> Int[Tensor, " n"]:
        if self._sampling.temperature == 0:
            return logits.argmax(-1)
        heights = torch.softmax(logits.double() / self._sampling.temperature, -1).cumsum(-1)
        drawn = uniform.to(heights)[:, None] * heights[:, -1:]
        return torch.searchsorted(heights, drawn, right=True)[:, 0].clamp_max(logits.shape[-1] - 1)

    def _record(self, alive: list[int], chosen: list[int], drafts: list[Draft]) -> None:
        for row, token in zip(alive, chosen, strict=True):
            draft = drafts[row]
            if draft.ended:
                continue
            draft.n_tokens += 1
            draft.ended = token in self._ends
            if not draft.ended:
                draft.ids.append(token)

    def _stop(self, prompts: Sequence[list[int]], drafts: list[Draft]) -> None:
        going = [row for row, draft in enumerate(drafts) if not draft.ended]
        if not self._sampling.stop or not going:
            return
        texts = self._texts([prompts[row] for row in going], [drafts[row].ids for row in going])
        for row, text in zip(going, texts, strict=True):
            drafts[row].ended = any(stop in text for stop in self._sampling.stop)
