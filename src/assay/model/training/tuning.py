"""Change weights by gradient descent on lessons, and hand the change back: the model stays as it is."""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta, Part, between, low_rank, summed
from assay.model.changing.parameters import base_hash, parameters
from assay.model.engine import Engine
from assay.model.halving import in_groups
from assay.model.tokens import Tokens
from assay.model.unembedding import logits_at, own_logprobs

_LOGIT_ELEMENTS = 2**26
"""Most logits of one pass."""


@dataclass(frozen=True)
class Lesson:
    """What is to be said after a prompt; without one the whole text is to be learnt."""

    prompt: str
    continuation: str
    """With its own leading space where there is a prompt."""


@dataclass(frozen=True)
class Tuning:
    """What is trained, how far and how fast."""

    steps: int
    lr: float
    weights: tuple[str, ...] = ()
    """Names of parameters; empty for all, or with ``rank`` for all matrices."""
    within: float | None = None
    """Farthest that any weight may move, in units of its matrix's root mean square; None for no bound."""
    rank: int | None = None
    """Rank of an additive change (LoRA); None to train the weights themselves."""
    alpha: float = 16.0
    """With ``rank``: the change is alpha / rank times the product of its factors."""
    stop: float = 0.0
    """Training ends when the mean loss of a step's lessons is lower."""
    batch: int = 32
    """Lessons of a step, and kept texts; all where there are fewer."""
    retain: float = 0.0
    """Weight of the mean loss of kept texts."""
    kl: float = 0.0
    """Weight of KL(original || new) on kept texts, in the mean over their tokens."""
    weight_decay: float = 0.0
    seed: int = 0
    """Decides what each step sees, and how factors begin."""
    clip: float = 1.0
    """Longest gradient of a step."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """The change, and how it came about."""

    delta: Delta
    losses: tuple[float, ...]
    """Mean loss of the lessons of each step, before that step."""
    tokens: int
    """Tokens of all texts that gradients went through."""


@dataclass(frozen=True)
class _Text:
    ids: list[int]
    first: int
    """The first token that is to be learnt."""


def tune(engine: Engine, lessons: Sequence[Lesson], how: Tuning, kept: Sequence[str] = ()) -> Tuned:
    """Train weights with AdamW to continue prompts as told; what is kept is left as it was to the bit.

    Each step lowers ``mean over lessons of l + retain * mean over kept texts of l + kl * mean over their
    tokens of KL(original || new)``, with ``l`` the mean cross-entropy of a text's tokens to be learnt, all
    but the first of a kept text. Weights of the model change while it runs and are put back, whatever
    happens; in half precision the trained ones are float32 in between. LoRA (Hu et al. 2021, arXiv
    2106.09685): ``W + alpha / rank * B A`` for the matrix as stored, B from zero, A uniform in
    +-1 / sqrt(columns). Nothing of the global random state is used.

    Raises:
        BadOption: no lesson, one without a token to learn, a weight that the model lacks or that is no matrix
            where ``rank`` is given, ``rank`` with ``within``, or ``retain`` or ``kl`` without kept texts.
    """
    _check(lessons, how, kept)
    names, weights = parameters(engine)
    trained = _chosen(names, weights, how)
    told = _texts(engine, [one.prompt for one in lessons], [one.continuation for one in lessons])
    keeping = how.retain or how.kl
    texts = _texts(engine, [""] * len(kept), kept) if keeping else []
    draws, kept_draws = _draws(len(told), how.batch, how.seed), _draws(len(texts), how.batch, how.seed + 1)
    losses: list[float] = []
    tokens = 0
    base = base_hash(engine)
    with _lent(trained) as before, _learning(engine, trained):
        leaves = _Factors(before, how) if how.rank is not None else _Whole(before, how)
        optimizer = torch.optim.AdamW(leaves.all(), lr=how.lr, weight_decay=how.weight_decay, fused=True)
        course = _Course(engine, trained, before)
        for _ in range(how.steps):
            course.reset()
            group = next(draws)
            losses.append(course.study(told, group))
            tokens += sum(len(told[number].ids) for number in group)
            if losses[-1] < how.stop:
                break
            if keeping:
                group = next(kept_draws)
                course.retain(texts, group, how.retain, how.kl)
                tokens += sum(len(texts[number].ids) for number in group)
            leaves.take(course.slopes)
            nn.utils.clip_grad_norm_(leaves.all(), how.clip)
            optimizer.step()
            _write(trained, leaves.weights())
        delta = leaves.delta(base)
    return Tuned(delta, tuple(losses), tokens)


class _Whole:
    """Weights trained as they are, each within its bounds."""

    def __init__(self, before: Mapping[str, Tensor], how: Tuning) -> None:
        self._before = before
        self._leaves = {name: weight.to(_wide(weight), copy=True) for name, weight in before.items()}
        bounds = {} if how.within is None else {n: _bounds(w, how.within) for n, w in before.items()}
        self._bounds = bounds

    def all(self) -> list[Tensor]:
        """What the optimiser changes."""
        return list(self._leaves.values())

    def take(self, slopes: Mapping[str, Tensor]) -> None:
        """Gradients of the weights become those of what is trained."""
        for name, leaf in self._leaves.items():
            leaf.grad = slopes[name].to(leaf.dtype)

    @torch.no_grad()
    def weights(self) -> dict[str, Tensor]:
        """The weights as they are now."""
        for name, (low, high) in self._bounds.items():
            self._leaves[name].clamp_(low.to(self._leaves[name].dtype), high.to(self._leaves[name].dtype))
        return {name: leaf.to(self._before[name].dtype) for name, leaf in self._leaves.items()}

    def delta(self, base: str) -> Delta:
        """The change, to the bit."""
        found = between(dict(self._before), self.weights())
        return Delta(base, found.changes, "fine-tuned")


class _Factors:
    """Two factors whose product is added to each matrix."""

    def __init__(self, before: Mapping[str, Tensor], how: Tuning) -> None:
        assert how.rank is not None
        self._before, self._scale = before, how.alpha / how.rank
        draw = torch.Generator().manual_seed(how.seed)
        self._left: dict[str, Tensor] = {}
        self._right: dict[str, Tensor] = {}
        for name, weight in before.items():
            rows, columns = weight.shape
            right = (2 * torch.rand(how.rank, columns, generator=draw) - 1) / math.sqrt(columns)
            self._right[name] = right.to(weight.device, _wide(weight))
            self._left[name] = torch.zeros(rows, how.rank, device=weight.device, dtype=_wide(weight))

    def all(self) -> list[Tensor]:
        """What the optimiser changes."""
        return [*self._left.values(), *self._right.values()]

    def take(self, slopes: Mapping[str, Tensor]) -> None:
        """d/dB = s G Aᵀ and d/dA = s Bᵀ G, with G the gradient of the matrix."""
        for name, left in self._left.items():
            right, slope = self._right[name], self._scale * slopes[name].to(left.dtype)
            left.grad, right.grad = slope @ right.T, left.T @ slope

    def weights(self) -> dict[str, Tensor]:
        """The weights as they are now, rounded as the delta rounds them."""
        return {
            name: summed(weight, (Part("low_rank", tuple(weight.shape), self._pair(name)),))
            for name, weight in self._before.items()
        }

    def delta(self, base: str) -> Delta:
        """The change in its factors."""
        return low_rank({name: self._pair(name) for name in self._before}, base=base, note="low-rank tuned")

    def _pair(self, name: str) -> tuple[Tensor, Tensor]:
        return self._scale * self._left[name], self._right[name]


class _Course:
    """Passes over some texts, whose gradients add up until they are used."""

    def __init__(self, engine: Engine, trained: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> None:
        self._engine, self._trained, self._before = engine, trained, before
        self.slopes: dict[str, Tensor] = {}

    def reset(self) -> None:
        """Forget the gradients of the last step."""
        self.slopes = {name: torch.zeros_like(weight) for name, weight in self._trained.items()}

    def study(self, texts: Sequence[_Text], group: list[int]) -> float:
        """The mean loss of some texts; its gradients are added."""
        return self._pass(texts, group, lambda logits, told, _: _mean_losses(logits, told, len(group)))

    def retain(self, texts: Sequence[_Text], group: list[int], loss: float, kl: float) -> None:
        """Gradients of what kept texts add to the loss."""
        count = sum(len(texts[number].ids) - texts[number].first for number in group)

        def measure(logits: Tensor, told: _Told, old: Tensor | None) -> Tensor:
            total = loss * _mean_losses(logits, told, len(group))
            if old is None:
                return total
            return total + kl * (old.exp() * (old - logits.log_softmax(-1))).sum() / count

        self._pass(texts, group, measure, compared=kl > 0)

    def _pass(
        self, texts: Sequence[_Text], group: list[int], measure: "_Measure", *, compared: bool = False
    ) -> float:
        body, weights, total = self._engine.body, list(self._trained.values()), [0.0]

        def work(numbers: list[int]) -> None:
            some = [texts[number] for number in numbers]
            tokens = Tokens.of([text.ids for text in some], self._engine.device, numbers)
            told = _Told.of(some, self._engine.device)
            old = None
            if compared:
                with torch.no_grad(), self._originals():
                    old = logits_at(body, tokens, told.rows, told.positions).log_softmax(-1)
            loss = measure(logits_at(body, tokens, told.rows, told.positions), told, old)
            # an expert that no token was sent to has none
            found = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
            total[0] += float(loss.detach())
            for slope, new in zip(self.slopes.values(), found, strict=True):
                slope.add_(new)

        most = max(_LOGIT_ELEMENTS // self._engine.vocabulary, 1)
        sizes = {number: len(texts[number].ids) for number in group}
        in_groups(self._engine, sizes, work, tokens=most)
        return total[0]

    @contextmanager
    def _originals(self) -> Generator[None]:
        """The weights as they were, for a pass."""
        with _lent(self._trained):
            _write(self._trained, self._before)
            yield


@dataclass(frozen=True)
class _Told:
    """The tokens to be learnt in a pass, and where they are predicted."""

    rows: Int[Tensor, " k"]
    positions: Int[Tensor, " k"]
    targets: Int[Tensor, " k"]
    shares: Float[Tensor, " k"]
    """One over the number of such tokens in the text."""

    @classmethod
    def of(cls, texts: Sequence[_Text], device: torch.device) -> "_Told":
        """Those of some texts."""
        told = [
            (row, at - 1, text.ids[at], 1 / (len(text.ids) - text.first))
            for row, text in enumerate(texts)
            for at in range(text.first, len(text.ids))
        ]
        rows, positions, targets, shares = (torch.tensor(c, device=device) for c in zip(*told, strict=True))
        return cls(rows, positions, targets, shares)


_Measure = Callable[[Tensor, _Told, Tensor | None], Tensor]
"""(logits, what is told there, log-probabilities there with the weights as they were) -> loss."""


def _mean_losses(logits: Float[Tensor, "k vocabulary"], told: _Told, texts: int) -> Float[Tensor, ""]:
    return -(own_logprobs(logits, told.targets) * told.shares.to(logits)).sum() / texts


def _texts(engine: Engine, prompts: Sequence[str], continuations: Sequence[str]) -> list[_Text]:
    joined, firsts = engine.split(prompts, continuations)
    texts = [_Text(ids, first) for ids, first in zip(engine.encode(joined), firsts, strict=True)]
    for number, text in enumerate(texts):
        if text.first >= len(text.ids):
            raise BadOption(f"text {number} (counting from 0), {joined[number]!r}, has no token to be learnt")
    return texts


def _draws(count: int, batch: int, seed: int) -> Iterator[list[int]]:
    """Numbers for each step: all, or the next ones of one shuffle after the other, each once in a step."""
    if count <= batch:
        while True:
            yield list(range(count))
    draw, waiting = torch.Generator().manual_seed(seed), list[int]()
    while True:
        if len(waiting) < batch:
            fresh: list[int] = torch.randperm(count, generator=draw).tolist()
            # what still waits goes first, and must not come twice in one step
            waiting += [n for n in fresh if n not in waiting] + [n for n in fresh if n in waiting]
        yield waiting[:batch]
        del waiting[:batch]


@contextmanager
def _lent(weights: Mapping[str, Tensor]) -> Generator[dict[str, Tensor]]:
    """Copies of weights, which are put back to the bit on exit."""
    kept = {name: weight.detach().clone() for name, weight in weights.items()}
    try:
        yield kept
    finally:
        _write(weights, kept)


@contextmanager
def _learning(engine: Engine, trained: Mapping[str, Tensor]) -> Generator[None]:
    """Inside, gradients of some weights are taken and of no others."""
    with engine.differentiating():
        for weight in trained.values():
            weight.requires_grad_(True)
        yield


@torch.no_grad()
def _write(weights: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    for name, weight in weights.items():
        weight.copy_(values[name])


def _bounds(weight: Tensor, within: float) -> tuple[Tensor, Tensor]:
    """The farthest values that a weight may take, none of them farther by rounding."""
    start = weight.double()
    reach = within * float(start.square().mean().sqrt())
    low, high = (start - reach).to(weight.dtype), (start + reach).to(weight.dtype)
    low = torch.where(start - low.double() > reach, torch.nextafter(low, weight), low)
    return low, torch.where(high.double() - start > reach, torch.nextafter(high, weight), high)


def _chosen(names: Mapping[str, str], weights: Mapping[str, Tensor], how: Tuning) -> dict[str, Tensor]:
    """The parameters to be trained, tied ones once."""
    for name in how.weights:
        if name not in names:
            raise BadOption(f"this model lacks the weight {name}; choose among its named_parameters()")
        if how.rank is not None and weights[names[name]].ndim != 2:
            raise BadOption(f"{name} is no matrix, so it has no rank; name matrices only")
    wanted = {names[name] for name in how.weights} if how.weights else set(weights)
    return {
        name: weight
        for name, weight in weights.items()
        if name in wanted and weight.is_floating_point() and (how.rank is None or weight.ndim == 2)
    }


def _check(lessons: Sequence[Lesson], how: Tuning, kept: Sequence[str]) -> None:
    if not lessons:
        raise BadOption("no lesson to learn; give at least one")
    if how.rank is not None and (how.rank < 1 or how.within is not None):
        raise BadOption(
            "a change of given rank has rank 1 or more, and cannot be bounded by `within` as well"
        )
    if how.batch < 1:
        raise BadOption(f"a batch of {how.batch} lessons; give at least 1")
    if (how.retain or how.kl) and not kept:
        raise BadOption("retain and kl need texts to keep; give some, or set both to 0")


def _wide(weight: Tensor) -> torch.dtype:
    return torch.promote_types(weight.dtype, torch.float32)
