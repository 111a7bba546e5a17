"""Lower any loss by gradient descent, up to a bound on the damage done; the model stays as it is.

A loss is a function of ``Passes``, which answers for the model as it stands in the middle of training, and of
the number of the step. What is trained are weights, factors of a low-rank change, and levers.
"""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor, nn

from assay.core.errors import BadOption
from assay.core.price import Price
from assay.model.changing.change import Change, changed
from assay.model.changing.deltas import Delta
from assay.model.changing.parameters import base_hash, parameters
from assay.model.engine import Engine
from assay.model.halving import at_once
from assay.model.training.leaves import Factors, Whole, chosen, instead, learning, lent, wide, write
from assay.model.training.levers import Lever, project, pulled
from assay.model.training.passes import Pair, Passes

__all__ = ["Descended", "Descent", "Guard", "Lever", "Pair", "Passes", "State", "descend", "quoted"]
HALVINGS = 4
"""How often the last stretch of a guarded training is halved."""
Loss = Callable[[Passes, int], Tensor]
"""(passes, step counted from 0) -> what the step lowers, one number."""


@dataclass(frozen=True)
class Descent:
    """What is trained, how far and how fast."""

    steps: int
    lr: float
    weights: tuple[str, ...] | None = ()
    """Names of parameters; empty for all, or with ``rank`` for all matrices; None to train levers only."""
    rank: int | None = None
    """Rank of an additive change (LoRA) of every trained matrix; None to train the weights themselves."""
    alpha: float = 16.0
    """With ``rank``: the change is alpha / rank times the product of its factors."""
    batch: int = 16
    """Texts of a step, for a loss that draws some; the descent itself does not look at it."""
    every: int = 0
    """Keep the state after every so many steps, besides the end; 0 keeps the end alone."""
    weight_decay: float = 0.0
    """Of weights or factors; levers have none."""
    clip: float = 1.0
    """Longest gradient of a step, all that is trained taken together."""
    seed: int = 0
    """How factors begin."""


@dataclass(frozen=True)
class Guard:
    """Training stops before it does more damage than allowed."""

    texts: tuple[str, ...]
    allowed: float
    """Nats by which the mean loss per token of the texts may rise."""
    every: int = 5
    """Steps between looks."""


@dataclass(frozen=True, eq=False)
class State:
    """What training has come to after some steps."""

    step: int
    """Steps done; rounded down for a state between two looks."""
    delta: Delta
    """The change of weights; an empty one where none is trained."""
    levers: tuple[Tensor, ...]
    """Values of the levers, in the order given."""
    damage: float
    """By how much the loss of the guard has risen, in nats per token; not a number where nobody looked."""
    hooks: tuple[Change, ...] = ()
    """The levers as changes of activations, ready to be put on a model."""


@dataclass(frozen=True, eq=False)
class Descended:
    """The states that were kept, and how training came to them."""

    states: tuple[State, ...]
    """Ascending. The last one is the end."""
    losses: tuple[float, ...]
    """The loss of each step, before that step."""
    tokens: int
    """Tokens of all texts that gradients went through."""
    price: Price = field(default_factory=Price)
    """Texts, tokens and operations of all passes."""

    @property
    def end(self) -> State:
        """The last state; with a guard, the last within what it allows."""
        return self.states[-1]


def descend(
    engine: Engine, loss: Loss, how: Descent, levers: Sequence[Lever] = (), guard: Guard | None = None
) -> Descended:
    """Lower a loss with AdamW (arXiv 1711.05101) at a constant rate and return what became of the weights.

    Each step takes the gradient g of ``loss(passes, step)`` by all that is trained, scales it by
    ``min(1, clip / |g|)``, steps, and brings each lever back into its ball. Weights of the model change while
    it runs and are put back to the bit, whatever happens; in half precision the trained ones are float32 in
    between. Changes of the model that are in force stay in force: the delta comes on top of them. Nothing of
    the global random state is used.

    With a guard, ``damage = L(now) - L(before)`` is looked at every few steps and at the end, L being the
    mean loss over all tokens of its texts but their first. The first look above ``allowed`` ends training;
    between the last good values w of all that is trained (weights, factors, levers) and those of now, v, the
    end is found by four halvings of t in ``w + t (v - w)``, t = 0 being the last good look. Of the states
    kept, those after it are dropped. Training also ends at a loss or gradient that is no finite number, with
    what the steps before it came to.

    Raises:
        BadOption: nothing to train, a weight that the model lacks or that is no matrix where ``rank`` is
            given, a loss that is not one number or hangs on nothing that is trained, a lever that does not
            fit its site, a guard without texts.
        ModelError: the passes of one step do not fit into memory together.
    """
    _check(how, levers, guard)
    with _begun(engine, how, levers, base_hash(engine)) as course:
        # without a lever the first step still stands on the model as it was
        damage, states = course.damage(guard) if levers or guard is None else 0.0, list[State]()
        last = _Look(0, damage, course.values() if guard is not None else [])
        while not course.over:
            course.step(loss)
            damage = math.nan
            if guard is not None and (course.over or course.done % guard.every == 0):
                damage = course.damage(guard)
                if not damage <= guard.allowed:  # no number is no good either
                    states = [state for state in states if state.step <= last.step]
                    return course.result(states, _refined(course, guard, last))
                last = _Look(course.done, damage, course.values())
            if how.every and course.done % how.every == 0:
                states.append(course.state(course.done, damage))
        return course.result(states, course.state(course.done, damage))


def quoted(
    engine: Engine, loss: Loss, how: Descent, levers: Sequence[Lever] = (), guard: Guard | None = None
) -> Price:
    """What a descent will cost if every step asks for what the first one does.

    The loss is called once, for step 0, on the model as it stands, so that nothing it may remember is wrong;
    no gradient is taken. It is an estimate: steps may differ, and what is asked of the model as it was costs
    nothing the second time.
    """
    _check(how, levers, guard)
    with _begun(engine, how, levers) as course:
        if how.steps:
            at_once(lambda: loss(course.passes, 0))
        steps = _times(course.passes.price, how.steps)
    if guard is None:
        return steps
    lengths = engine.lengths(guard.texts)
    looks = 1 + bool(levers) + math.ceil(how.steps / guard.every) + HALVINGS
    flops = engine.shape.forward(lengths, None, sum(lengths) - len(lengths))
    return steps + _times(Price(len(lengths), sum(lengths), 0, flops), looks)


@dataclass(frozen=True)
class _Look:
    """What training had come to when the guard was looked at."""

    step: int
    damage: float
    values: list[Tensor]


@final
class _Course:
    """A model in training."""

    def __init__(
        self,
        engine: Engine,
        lent: tuple[Mapping[str, Tensor], Mapping[str, Tensor]],
        how: Descent,
        levers: Sequence[Lever],
        base: str,
    ) -> None:
        self._engine, self._how, self._levers = engine, how, levers
        self._trained, self._before = lent
        self._base = base
        self._leaves = (
            Whole(self._before) if how.rank is None else Factors(self._before, how.rank, how.alpha, how.seed)
        )
        self._pulls = [
            lever.start.detach().to(engine.device, wide(lever.start), copy=True).requires_grad_()
            for lever in levers
        ]
        groups: list[dict[str, Any]] = [
            {"params": self._leaves.all(), "weight_decay": how.weight_decay},
            {"params": self._pulls, "weight_decay": 0.0},
        ]
        self._adam = torch.optim.AdamW([group for group in groups if group["params"]], lr=how.lr, fused=True)
        self.passes = Passes(engine, self._pulled, lambda: instead(self._trained, self._before))
        self.losses: list[float] = []
        self.done = 0
        """Steps that were taken."""
        self.over = not how.steps
        """Whether there is no further step."""

    def step(self, loss: Loss) -> None:
        """Take one step, unless its loss or gradient is no finite number; then it was the last."""
        value, slopes = at_once(lambda: self._gradient(loss))
        self.losses.append(float(value))
        self._leaves.take(dict(zip(self._trained, slopes, strict=False)))
        for pull, slope in zip(self._pulls, slopes[len(self._trained) :], strict=True):
            pull.grad = slope
        size = nn.utils.clip_grad_norm_([*self._leaves.all(), *self._pulls], self._how.clip)
        if not math.isfinite(self.losses[-1]) or not bool(size.isfinite()):
            self.over = True
            return
        self._adam.step()
        for pull, lever in zip(self._pulls, self._levers, strict=True):
            project(pull, lever)
        write(self._trained, self._leaves.weights())
        self.done += 1
        self.over = self.done == self._how.steps

    def damage(self, guard: Guard | None) -> float:
        """By how much the guard's loss is above that of the model as it was; not a number without one."""
        if guard is None:
            return math.nan
        pairs = [Pair("", text) for text in guard.texts]
        with torch.no_grad():
            now, counts = self.passes.logprobs(pairs)
        before, _ = self.passes.logprobs(pairs, before=True)
        return float((before.double().sum() - now.double().sum()) / counts.sum())

    def values(self) -> list[Tensor]:
        """Copies of all that is trained."""
        return [value.detach().clone() for value in (*self._leaves.all(), *self._pulls)]

    @torch.no_grad()
    def place(self, values: Sequence[Tensor]) -> None:
        """Other values for all that is trained."""
        for mine, value in zip((*self._leaves.all(), *self._pulls), values, strict=True):
            mine.copy_(value)
        write(self._trained, self._leaves.weights())

    def state(self, step: int, damage: float) -> State:
        """What training has come to."""
        delta = (
            self._leaves.delta(self._base) if self._trained else Delta(self._base, {}, "no weight trained")
        )
        values = tuple(pull.detach().cpu().clone() for pull in self._pulls)
        return State(step, delta, values, damage, tuple(self._hooks(values)))

    def result(self, states: Sequence[State], end: State) -> Descended:
        """The states before the end and the end, with the bill."""
        price = self.passes.price
        kept = (state for state in states if state.step < end.step)
        return Descended((*kept, end), tuple(self.losses), price.tokens_backward, price)

    def _gradient(self, loss: Loss) -> tuple[Tensor, tuple[Tensor, ...]]:
        value = loss(self.passes, self.done)
        if value.numel() != 1 or not value.requires_grad:
            found = f"shape {tuple(value.shape)}" if value.requires_grad else "no gradient"
            raise BadOption(
                f"the loss of step {self.done} has {found}; give one number that hangs on what is trained"
            )
        leaves = [*self._trained.values(), *self._pulls]
        # an expert that no token was sent to has no gradient
        found = torch.autograd.grad(value.reshape(()), leaves, allow_unused=True, materialize_grads=True)
        return value.detach(), found

    def _pulled(self) -> AbstractContextManager[None]:
        return changed(self._engine, *self._hooks(self._pulls)) if self._levers else nullcontext()

    def _hooks(self, values: Sequence[Tensor]) -> list[Change]:
        skip = len(self._engine.prefix)
        return [pulled(lever, value, skip) for lever, value in zip(self._levers, values, strict=True)]


@contextmanager
def _begun(engine: Engine, how: Descent, levers: Sequence[Lever], base: str = "") -> Generator[_Course]:
    """A model lent for training; its weights are put back to the bit."""
    names, weights = parameters(engine)
    trained = {} if how.weights is None else chosen(names, weights, how.weights, how.rank)
    with lent(trained) as before, learning(engine, trained):
        yield _Course(engine, (trained, before), how, levers, base)


def _refined(course: _Course, guard: Guard, last: _Look) -> State:
    """The state farthest on the way from the last good look to now that is still within what is allowed."""
    done, now = course.done, course.values()

    def go(share: float) -> None:
        course.place(
            [a if not share else torch.lerp(a, b, share) for a, b in zip(last.values, now, strict=True)]
        )

    low, high, damage = 0.0, 1.0, last.damage
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        go(middle)
        found = course.damage(guard)
        if found <= guard.allowed:
            low, damage = middle, found
        else:
            high = middle
    go(low)
    return course.state(last.step + math.floor(low * (done - last.step)), damage)


def _times(price: Price, times: int) -> Price:
    """So many times the counts and operations of a price."""
    return Price(
        price.queries * times,
        price.tokens_forward * times,
        price.tokens_backward * times,
        price.flops * times,
    )


def _check(how: Descent, levers: Sequence[Lever], guard: Guard | None) -> None:
    if how.weights is None and not levers:
        raise BadOption("nothing to train: name weights, or give a lever")
    if how.rank is not None and how.rank < 1:
        raise BadOption(
            f"a change of rank {how.rank}; give at least 1, or None to train the weights themselves"
        )
    if how.steps < 0 or how.every < 0:
        raise BadOption(f"{how.steps} steps, kept every {how.every}; give numbers that are not negative")
    if guard is not None and (not guard.texts or guard.every < 1):
        raise BadOption("a guard needs texts to look at, and at least one step between looks")
