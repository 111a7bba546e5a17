"""Change weights by gradient descent on lessons, and hand the change back: the model stays as it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assay.core.errors import BadOption
from assay.model.changing.deltas import Delta
from assay.model.changing.parameters import base_hash, parameters
from assay.model.engine import Engine
from assay.model.halving import in_groups
from assay.model.tokens import Tokens
from assay.model.training.leaves import Factors, Whole, chosen, instead, learning, lent, write
from assay.model.training.texts import Text, Told, texts_of
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
    trained = chosen(names, weights, how.weights, how.rank)
    told = texts_of(engine, [one.prompt for one in lessons], [one.continuation for one in lessons])
    keeping = how.retain or how.kl
    texts = texts_of(engine, [""] * len(kept), kept) if keeping else []
    draws, kept_draws = _draws(len(told), how.batch, how.seed), _draws(len(texts), how.batch, how.seed + 1)
    losses: list[float] = []
    tokens = 0
    base = base_hash(engine)
    with lent(trained) as before, learning(engine, trained):
        leaves = _leaves(before, how)
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
            write(trained, leaves.weights())
        delta = leaves.delta(base)
    return Tuned(delta, tuple(losses), tokens)


def _leaves(before: Mapping[str, Tensor], how: Tuning) -> Whole | Factors:
    if how.rank is None:
        return Whole(before, how.within)
    return Factors(before, how.rank, how.alpha, how.seed)


class _Course:
    """Passes over some texts, whose gradients add up until they are used."""

    def __init__(self, engine: Engine, trained: Mapping[str, Tensor], before: Mapping[str, Tensor]) -> None:
        self._engine, self._trained, self._before = engine, trained, before
        self.slopes: dict[str, Tensor] = {}

    def reset(self) -> None:
        """Forget the gradients of the last step."""
        self.slopes = {name: torch.zeros_like(weight) for name, weight in self._trained.items()}

    def study(self, texts: Sequence[Text], group: list[int]) -> float:
        """The mean loss of some texts; its gradients are added."""
        return self._pass(texts, group, lambda logits, told, _: _mean_losses(logits, told, len(group)))

    def retain(self, texts: Sequence[Text], group: list[int], loss: float, kl: float) -> None:
        """Gradients of what kept texts add to the loss."""
        count = sum(texts[number].learnt for number in group)

        def measure(logits: Tensor, told: Told, old: Tensor | None) -> Tensor:
            total = loss * _mean_losses(logits, told, len(group))
            if old is None:
                return total
            return total + kl * (old.exp() * (old - logits.log_softmax(-1))).sum() / count

        self._pass(texts, group, measure, compared=kl > 0)

    def _pass(
        self, texts: Sequence[Text], group: list[int], measure: "_Measure", *, compared: bool = False
    ) -> float:
        body, weights, total = self._engine.body, list(self._trained.values()), [0.0]

        def work(numbers: list[int]) -> None:
            some = [texts[number] for number in numbers]
            tokens = Tokens.of([text.ids for text in some], self._engine.device, numbers)
            told = Told.of(some, self._engine.device)
            old = None
            if compared:
                with torch.no_grad(), instead(self._trained, self._before):
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


_Measure = Callable[[Tensor, Told, Tensor | None], Tensor]
"""(logits, what is told there, log-probabilities there with the weights as they were) -> loss."""


def _mean_losses(logits: Float[Tensor, "k vocabulary"], told: Told, texts: int) -> Float[Tensor, ""]:
    return -(own_logprobs(logits, told.targets) * told.shares.to(logits)).sum() / texts


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
