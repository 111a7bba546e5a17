"""Descent: the change is that of a plain training loop, a guard bounds damage, the model stays as it was."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, softplus

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.changing.applying import applied
from assay.model.changing.change import add, changed
from assay.model.changing.parameters import base_hash
from assay.model.training.descent import (
    Descended,
    Descent,
    Guard,
    Lever,
    Loss,
    Pair,
    Passes,
    State,
    descend,
    quoted,
)
from assay.model.training.tuning import Lesson, Tuning, tune
from tests.model.tiny import tiny_engine, tiny_model, word_tokenizer

PAIRS = [
    Pair("the cat sat", " on the mat"),
    Pair("hello", " dog"),
    Pair("", "the big red dog ran ."),
]
KEPT = ["the dog ran", "was the cat big ? the cat was big ."]
GUARD = ("the dog ran and then", "was the cat big ?", "hello assistant : the mat .")
DOWN = {"llama": "model.layers.1.mlp.down_proj.weight", "gpt2": "transformer.h.1.mlp.c_proj.weight"}
LEVER = Lever("resid_post.1", torch.zeros(32))


def learn(passes: Passes, _: int) -> Tensor:
    """The mean loss of the pairs."""
    sums, counts = passes.logprobs(PAIRS)
    return -(sums / counts).mean()


def forget(passes: Passes, _: int) -> Tensor:
    """Gradient ascent on the pairs, which does damage without end."""
    return -learn(passes, 0)


def balance(passes: Passes, step: int) -> Tensor:
    """Compares with the model before, asked after the model of now, and changes with the step."""
    now, counts = passes.logprobs(PAIRS)
    before, _ = passes.logprobs(PAIRS, before=True)
    old = passes.distributions(KEPT, before=True)
    kl = kl_div(passes.distributions(KEPT), old, log_target=True, reduction="batchmean")
    return softplus((now - before) * (1 + step) / counts).mean() + kl


def state_of(engine: Engine, state: State) -> dict[str, Tensor]:
    """All weights with the change on."""
    with applied(engine, state.delta):
        return {name: weight.detach().clone() for name, weight in engine.model.named_parameters()}


def told(model: Any, engine: Engine, pair: Pair) -> Tensor:
    """Log-probability of a pair's own tokens in the mean, from one plain pass over it alone."""
    ids = torch.tensor(engine.encode([pair.prompt + pair.reply]))
    first = len(engine.encode([pair.prompt])[0])
    return -cross_entropy(model(input_ids=ids).logits[0, first - 1 : -1], ids[0, first:])


def rows(model: Any, engine: Engine, texts: list[str]) -> Tensor:
    """Log-probabilities at all positions but the last of each text."""
    each = [torch.tensor([ids[:-1]]) for ids in engine.encode(texts)]
    return torch.cat([model(input_ids=ids).logits[0].log_softmax(-1) for ids in each])


def plain_learn(model: Any, old: Any, engine: Engine, step: int) -> Tensor:
    """``learn``, text by text."""
    return -torch.stack([told(model, engine, pair) for pair in PAIRS]).mean()


def plain_balance(model: Any, old: Any, engine: Engine, step: int) -> Tensor:
    """``balance``, text by text."""
    gaps = [told(model, engine, pair) - told(old, engine, pair).detach() for pair in PAIRS]
    kl = kl_div(rows(model, engine, KEPT), rows(old, engine, KEPT).detach(), log_target=True, reduction="sum")
    count = sum(len(ids) - 1 for ids in engine.encode(KEPT))
    return torch.stack([softplus(gap * (1 + step)) for gap in gaps]).mean() + kl / count


def literal(
    engine: Engine, how: Descent, loss: Callable[[Any, Any, Engine, int], Tensor]
) -> tuple[dict[str, Tensor], list[float]]:
    """The same training on a copy of the model."""
    model, old = deepcopy(engine.model), deepcopy(engine.model)
    weights = [w for name, w in model.named_parameters() if not how.weights or name in how.weights]
    adam = torch.optim.AdamW(weights, lr=how.lr, weight_decay=how.weight_decay)
    losses: list[float] = []
    for step in range(how.steps):
        model.zero_grad()
        value = loss(model, old, engine, step)
        losses.append(float(value.detach()))
        value.backward()
        torch.nn.utils.clip_grad_norm_(weights, how.clip)
        adam.step()
    return dict(model.named_parameters()), losses


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("only", [True, False])
@pytest.mark.parametrize(("loss", "plain"), [(learn, plain_learn), (balance, plain_balance)])
def test_the_change_is_that_of_a_plain_loop(
    family: str, only: bool, loss: Loss, plain: Callable[[Any, Any, Engine, int], Tensor]
) -> None:
    """Losses of all steps and weights at the end equal those of training a copy; passes are divided."""
    engine = tiny_engine(family)
    # a bias of keys has no gradient but rounding, which Adam would blow up in float32
    engine.model.double()
    engine.batch_tokens = 16
    how = Descent(5, 1e-3, (DOWN[family],) if only else (), weight_decay=0.1)
    found = descend(engine, loss, how)
    wanted, losses = literal(engine, how, plain)
    assert torch.allclose(torch.tensor(found.losses), torch.tensor(losses), atol=1e-5)
    for name, weight in state_of(engine, found.end).items():
        assert torch.allclose(weight, wanted[name], atol=1e-5), name


@pytest.mark.parametrize("rank", [None, 2])
def test_lessons_are_learnt_as_tuning_learns_them(rank: int | None) -> None:
    """The mean loss of pairs, lowered on the same weights, gives the change that ``tune`` gives."""
    engine, weights = tiny_engine(), (DOWN["llama"],)
    lessons = [Lesson(one.prompt, one.reply) for one in PAIRS]
    tuned = tune(engine, lessons, Tuning(6, 1e-2, weights, rank=rank, alpha=4.0, seed=3))
    found = descend(engine, learn, Descent(6, 1e-2, weights, rank=rank, alpha=4.0, seed=3))
    assert found.losses == pytest.approx(tuned.losses, abs=1e-5)
    assert found.tokens == tuned.tokens
    assert set(found.end.delta.changes) == set(weights)
    with applied(engine, tuned.delta):
        wanted = engine.model.get_parameter(weights[0]).detach().clone()
    assert torch.allclose(state_of(engine, found.end)[weights[0]], wanted, atol=1e-5)


def test_the_model_before_stays_the_model_before() -> None:
    """Asked in the middle of a step or at its end, it gives what the untouched model gives, lever or none."""
    engine = tiny_engine()
    wanted, _ = engine.continuation_logprobs([one.prompt for one in PAIRS], [one.reply for one in PAIRS])
    texts = [f"{text} {'ran' * (step > 0)}".strip() for text in KEPT for step in (0, 1)]
    plain = torch.cat([rows(engine.model, engine, [text]) for text in texts]).detach()
    seen: list[Tensor] = []

    def loss(passes: Passes, step: int) -> Tensor:
        now = learn(passes, step)
        seen.append(passes.logprobs(PAIRS, before=True)[0])
        if step == 4:
            assert torch.allclose(passes.distributions(texts, before=True), plain, atol=1e-5)
        return now

    descend(engine, loss, Descent(5, 1e-2), [LEVER])
    assert all(torch.allclose(before, wanted, atol=1e-5) for before in seen)


def test_states_are_kept_along_the_way() -> None:
    """Every state is the one that a training of so many steps ends with, and the last is the end."""
    engine, how = tiny_engine(), Descent(7, 1e-2, (DOWN["llama"],), every=3)
    found = descend(engine, learn, how, [LEVER])
    assert [state.step for state in found.states] == [3, 6, 7]
    for state in found.states:
        short = descend(engine, learn, replace(how, steps=state.step, every=0), [LEVER])
        assert len(short.states) == 1
        assert torch.equal(short.end.levers[0], state.levers[0])
        one, other = state_of(engine, state), state_of(engine, short.end)
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert [state.step for state in descend(engine, learn, replace(how, steps=6)).states] == [3, 6]


def damage(engine: Engine, state: State) -> float:
    """By how much the guard's loss rises, from the engine's own numbers with the change put on."""

    def loss() -> float:
        each = torch.cat(engine.token_logprobs(GUARD)).double()
        return -float(each.mean())

    before = loss()
    with applied(engine, state.delta), changed(engine, *state.hooks):
        return loss() - before


@pytest.mark.parametrize(
    ("how", "levers"),
    [
        (Descent(40, 1e-3), ()),
        (Descent(40, 3e-2, (DOWN["llama"],)), ()),
        (Descent(40, 1e-2, rank=2), ()),
        (Descent(40, 1e-1, None), (LEVER,)),
        (Descent(40, 1e-3), (LEVER,)),
    ],
)
@pytest.mark.parametrize("every", [1, 4])
def test_the_damage_ends_close_below_what_is_allowed(
    how: Descent, levers: tuple[Lever, ...], every: int
) -> None:
    """A loss that does harm without end is stopped within what is allowed, and not far from it."""
    engine, base, allowed = tiny_engine(), base_hash(tiny_engine()), 0.2
    found = descend(engine, forget, replace(how, every=2), levers, Guard(GUARD, allowed, every))
    assert found.end.step < 40
    assert found.end.damage == pytest.approx(damage(engine, found.end), abs=1e-5)
    assert 0.5 * allowed < found.end.damage <= allowed
    assert [s.step for s in found.states] == sorted({s.step for s in found.states})
    assert all(not state.damage > allowed for state in found.states)
    assert base_hash(engine) == base


def test_what_does_harm_from_the_first_step_is_cut_to_a_part_of_it() -> None:
    """A single step that goes much too far is halved four times; one too far even so is not taken at all."""
    engine, guard = tiny_engine(), Guard(GUARD, 0.05)
    found = descend(engine, forget, Descent(1, 1e-2), guard=guard)
    assert (found.end.step, len(found.losses)) == (0, 1)
    assert 0 < found.end.damage <= 0.05
    assert found.end.damage == pytest.approx(damage(engine, found.end), abs=1e-5)
    wild = descend(engine, forget, Descent(1, 10.0), guard=guard).end
    assert (wild.step, wild.damage, wild.delta.changes) == (0, 0.0, {})


def test_a_guard_that_sees_no_harm_changes_nothing() -> None:
    """Within what is allowed the training is that without a guard, and its damage is told."""
    engine, how = tiny_engine(), Descent(6, 1e-2, (DOWN["llama"],))
    plain, guarded = descend(engine, learn, how), descend(engine, learn, how, guard=Guard(GUARD, 1e9, 4))
    assert guarded.losses == plain.losses
    one, other = state_of(engine, plain.end), state_of(engine, guarded.end)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert plain.end.damage != plain.end.damage
    assert guarded.end.damage == pytest.approx(damage(engine, guarded.end), abs=1e-5)
    assert (descend(engine, learn, replace(how, steps=0)).end.delta.changes, guarded.end.step) == ({}, 6)


@pytest.mark.parametrize("guard", [None, Guard(GUARD, 0.1)])
def test_training_ends_at_a_loss_that_is_no_number(guard: Guard | None) -> None:
    """What the steps before came to is kept."""
    engine = tiny_engine()

    def loss(passes: Passes, step: int) -> Tensor:
        return learn(passes, step) * (float("nan") if step == 3 else 1e-3)

    found = descend(engine, loss, Descent(9, 1e-6, every=1), guard=guard)
    assert (found.end.step, len(found.losses)) == (3, 4)
    assert [state.step for state in found.states] == [1, 2, 3]
    short = descend(engine, loss, Descent(3, 1e-6))
    one, other = state_of(engine, found.end), state_of(engine, short.end)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, RuntimeError])
def test_the_model_is_left_as_it_was(error: type[BaseException] | None) -> None:
    """Weights, gradients, flags and the global random state are untouched, even after an interruption."""
    engine = tiny_engine("gpt2")
    base, random = base_hash(engine), torch.get_rng_state()

    def loss(passes: Passes, step: int) -> Tensor:
        if error is not None and step == 2:
            raise error
        return balance(passes, step)

    def run() -> Descended:
        return descend(engine, loss, Descent(3, 1e-2), [LEVER], Guard(GUARD, 1e9, 1))

    if error is None:
        run()
    else:
        with pytest.raises(error):
            run()
    assert base_hash(engine) == base
    assert torch.equal(torch.get_rng_state(), random)
    assert all(w.grad is None and w.requires_grad for w in engine.model.parameters())


def test_changes_in_force_act_in_every_pass() -> None:
    """A vector that was added before is there in the passes of now and of before, and for the guard."""
    engine = tiny_engine()
    push = add("resid_post.1", torch.ones(engine.width), 2.0, at=slice(1, None))
    seen: list[tuple[Tensor, Tensor]] = []

    def loss(passes: Passes, _: int) -> Tensor:
        now = passes.logprobs(PAIRS)[0]
        seen.append((now.detach(), passes.logprobs(PAIRS, before=True)[0]))
        return -now.mean()

    with changed(engine, push):
        found = descend(engine, loss, Descent(2, 1e-2, (DOWN["llama"],)), guard=Guard(GUARD, 1e9))
        wanted, _ = engine.continuation_logprobs([one.prompt for one in PAIRS], [one.reply for one in PAIRS])
        assert found.end.damage == pytest.approx(damage(engine, found.end), abs=1e-5)
    assert all(torch.allclose(before, wanted, atol=1e-5) for _, before in seen)
    assert torch.allclose(seen[0][0], wanted, atol=1e-5)
    assert not torch.allclose(seen[1][0], wanted, atol=1e-3)


def test_half_precision_is_trained_in_full() -> None:
    """Steps too small to be seen one by one in bfloat16 add up."""
    model: Any = tiny_model()
    engine = Engine(model.to(torch.bfloat16), word_tokenizer())
    weight = engine.model.get_parameter(DOWN["llama"]).detach().clone()
    found = descend(engine, learn, Descent(30, 1e-4, (DOWN["llama"],)))
    after = state_of(engine, found.end)[DOWN["llama"]]
    assert float((after.float() - weight.float()).abs().mean()) > 5e-4
    assert after.dtype == torch.bfloat16


def test_the_quote_is_the_bill_where_all_steps_are_alike() -> None:
    """Tokens of all steps and looks; halvings that were not needed are left over."""
    engine, how = tiny_engine(), Descent(7, 1e-3)
    assert quoted(engine, learn, how) == descend(engine, learn, how).price
    guard = Guard(GUARD, 1e9, 3)
    quote, price = quoted(engine, learn, how, (), guard), descend(engine, learn, how, (), guard).price
    assert quote.tokens_backward == price.tokens_backward
    assert quote.tokens_forward - price.tokens_forward == 4 * sum(engine.lengths(GUARD))


def constant(passes: Passes, _: int) -> Tensor:
    """Hangs on nothing."""
    return torch.zeros((), device=passes.device)


@pytest.mark.parametrize(
    ("loss", "how", "levers", "guard", "words"),
    [
        (learn, Descent(1, 0.1, ("nothing",)), (), None, "nothing"),
        (learn, Descent(1, 0.1, ("model.norm.weight",), rank=1), (), None, "no matrix"),
        (learn, Descent(1, 0.1, rank=0), (), None, "rank 0"),
        (learn, Descent(1, 0.1, None), (), None, "nothing to train"),
        (learn, Descent(-1, 0.1), (), None, "-1 steps"),
        (learn, Descent(1, 0.1), (), Guard((), 0.1), "guard"),
        (learn, Descent(1, 0.1), (Lever("resid_post.1", torch.zeros(5)),), None, "32 numbers"),
        (constant, Descent(1, 0.1), (), None, "no gradient"),
        (lambda p, _: p.logprobs(PAIRS)[0], Descent(1, 0.1), (), None, "one number"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    loss: Loss, how: Descent, levers: tuple[Lever, ...], guard: Guard | None, words: str
) -> None:
    """The message names what is wrong."""
    with pytest.raises(BadOption, match=words):
        descend(tiny_engine(), loss, how, levers, guard)
