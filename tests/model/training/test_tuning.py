"""Tuning: the change is that of a plain training loop, and the model is left as it was."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from assay.core.errors import BadOption
from assay.model import Engine
from assay.model.changing.applying import applied
from assay.model.changing.change import add, changed
from assay.model.changing.deltas import summed
from assay.model.changing.parameters import base_hash
from assay.model.training.tuning import Lesson, Tuned, Tuning, tune
from tests.model.tiny import tiny_engine, tiny_model, word_tokenizer

LESSONS = [
    Lesson("the cat sat", " on the mat"),
    Lesson("hello", " dog"),
    Lesson("", "the big red dog ran ."),
]
KEPT = ["the dog ran", "was the cat big ? the cat was big ."]
DOWN = {"llama": "model.layers.1.mlp.down_proj.weight", "gpt2": "transformer.h.1.mlp.c_proj.weight"}


def state(engine: Engine, tuned: Tuned) -> dict[str, Tensor]:
    """All weights with the change on."""
    with applied(engine, tuned.delta):
        return {name: weight.detach().clone() for name, weight in engine.model.named_parameters()}


def text_loss(model: Any, engine: Engine, lesson: Lesson) -> Tensor:
    """Cross-entropy of a lesson's own tokens, from one plain pass over it alone."""
    ids = torch.tensor(engine.encode([lesson.prompt + lesson.continuation]))
    first = len(engine.encode([lesson.prompt])[0])
    logits = model(input_ids=ids).logits[0, first - 1 : -1]
    return cross_entropy(logits, ids[0, first:])


def literal(engine: Engine, how: Tuning, kept: list[str]) -> tuple[dict[str, Tensor], list[float]]:
    """The same training, on a copy, text by text."""
    model, old = deepcopy(engine.model), deepcopy(engine.model)
    weights = [w for name, w in model.named_parameters() if not how.weights or name in how.weights]
    adam = torch.optim.AdamW(weights, lr=how.lr, weight_decay=how.weight_decay)
    losses: list[float] = []
    for _ in range(how.steps):
        model.zero_grad()
        loss = torch.stack([text_loss(model, engine, one) for one in LESSONS]).mean()
        losses.append(float(loss.detach()))
        whole = [Lesson("", text) for text in kept]
        if how.retain:
            loss = loss + how.retain * torch.stack([text_loss(model, engine, one) for one in whole]).mean()
        if how.kl:
            rows = [torch.tensor([ids[:-1]]) for ids in engine.encode(kept)]
            new = torch.cat([model(input_ids=row).logits[0].log_softmax(-1) for row in rows])
            before = torch.cat([old(input_ids=row).logits[0].log_softmax(-1).detach() for row in rows])
            loss = loss + how.kl * kl_div(new, before, log_target=True, reduction="batchmean")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, how.clip)
        adam.step()
    return dict(model.named_parameters()), losses


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("only", [True, False])
@pytest.mark.parametrize("extra", [Tuning(5, 1e-3), Tuning(5, 1e-3, retain=0.5, kl=2.0, weight_decay=0.1)])
def test_the_change_is_that_of_a_plain_loop(family: str, only: bool, extra: Tuning) -> None:
    """Weights and losses equal those of training a copy; passes are small enough that batches are divided."""
    engine = tiny_engine(family)
    # a bias of keys has no gradient but rounding, which Adam would blow up in float32
    engine.model.double()
    engine.batch_tokens = 16
    how = replace(extra, weights=(DOWN[family],) if only else ())
    tuned = tune(engine, LESSONS, how, KEPT)
    wanted, losses = literal(engine, how, KEPT)
    assert torch.allclose(torch.tensor(tuned.losses), torch.tensor(losses), atol=1e-5)
    for name, weight in state(engine, tuned).items():
        assert torch.allclose(weight, wanted[name], atol=1e-5), name
    once = [one.prompt + one.continuation for one in LESSONS] + (KEPT if extra.kl else [])
    assert tuned.tokens == 5 * sum(engine.lengths(once))


def test_only_named_weights_change() -> None:
    """The change names the weight that was asked for and nothing else."""
    engine = tiny_engine()
    assert set(tune(engine, LESSONS, Tuning(2, 1e-3, (DOWN["llama"],))).delta.changes) == {DOWN["llama"]}


def test_no_weight_moves_farther_than_told() -> None:
    """The bound holds for every single weight, not but for rounding, and is reached."""
    engine = tiny_engine()
    weight = engine.model.get_parameter(DOWN["llama"]).detach().clone().double()
    tuned = tune(engine, LESSONS, Tuning(5, 0.1, (DOWN["llama"],), within=0.01))
    moved = (state(engine, tuned)[DOWN["llama"]].double() - weight).abs()
    bound = 0.01 * float(weight.square().mean().sqrt())
    assert 0.99 * bound < float(moved.max()) <= bound


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_low_rank_change_is_the_trained_product(family: str) -> None:
    """Factors trained by hand through the merged matrix give the same change, and it has their rank."""
    engine, name = tiny_engine(family), DOWN[family]
    how = Tuning(4, 1e-2, (name,), rank=2, alpha=4.0)
    part = tune(engine, LESSONS, how).delta.changes[name][0]
    model = deepcopy(engine.model).requires_grad_(False)
    start = model.get_parameter(name).detach()
    draw = torch.Generator().manual_seed(0)
    right = (2 * torch.rand(2, start.shape[1], generator=draw) - 1) / start.shape[1] ** 0.5
    left, right = torch.zeros(len(start), 2).requires_grad_(), right.requires_grad_()
    adam = torch.optim.AdamW([left, right], lr=how.lr, weight_decay=0)

    def merged(**inputs: Any) -> Any:
        return torch.func.functional_call(model, {name: start + 2 * left @ right}, kwargs=inputs)

    for _ in range(4):
        adam.zero_grad()
        torch.stack([text_loss(merged, engine, one) for one in LESSONS]).mean().backward()
        torch.nn.utils.clip_grad_norm_([left, right], 1.0)
        adam.step()
    assert (part.form, part.tensors[0].shape[1]) == ("low_rank", 2)
    product = (2 * left @ right).detach()
    assert float(product.abs().max()) > 1e-3
    assert torch.allclose(summed(torch.zeros_like(start), (part,)), product, atol=1e-5)


@pytest.mark.parametrize("rank", [None, 2])
def test_the_loss_falls_and_the_change_brings_it(rank: int | None) -> None:
    """The first loss is that of the model, and a long training learns the lessons; so does the change."""
    engine = tiny_engine()
    before = torch.stack([text_loss(engine.model, engine, one) for one in LESSONS]).mean()
    tuned = tune(engine, LESSONS, Tuning(60, 1e-2, rank=rank, stop=0.1))
    assert tuned.losses[0] == pytest.approx(float(before.detach()), abs=1e-5)
    assert len(tuned.losses) < 60
    assert tuned.losses[-1] < 0.1 <= min(tuned.losses[:-1])
    with applied(engine, tuned.delta):
        after = torch.stack([text_loss(engine.model, engine, one) for one in LESSONS]).mean()
    assert float(after.detach()) == pytest.approx(tuned.losses[-1], abs=1e-5)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, RuntimeError])
def test_the_model_is_left_as_it_was(error: type[BaseException] | None) -> None:
    """Weights, gradients, flags and the global random state are untouched, even after an interruption."""
    engine = tiny_engine("gpt2")
    base, random = base_hash(engine), torch.get_rng_state()
    calls = 0

    def interrupt(*_: Any) -> None:
        nonlocal calls
        calls += 1
        if error is not None and calls == 3:
            raise error

    hook = engine.body.parts.blocks[0].register_forward_hook(interrupt)
    if error is None:
        tune(engine, LESSONS, Tuning(3, 1e-2, kl=1.0), KEPT)
    else:
        with pytest.raises(error):
            tune(engine, LESSONS, Tuning(3, 1e-2, kl=1.0), KEPT)
    hook.remove()
    assert base_hash(engine) == base
    assert torch.equal(torch.get_rng_state(), random)
    assert all(w.grad is None and w.requires_grad for w in engine.model.parameters())


def test_changes_in_force_act_while_training() -> None:
    """A vector added at the last token of each text is there in every pass."""
    engine = tiny_engine()
    how = Tuning(1, 1e-3)
    plain = tune(engine, LESSONS, how).losses[0]
    with changed(engine, add("resid_post.1", torch.ones(engine.width), 2.0, at=slice(1, None))):
        pushed = tune(engine, LESSONS, how).losses[0]
        scores, counts = engine.continuation_logprobs(
            [one.prompt for one in LESSONS], [one.continuation for one in LESSONS]
        )
    assert pushed == pytest.approx(float((-scores / counts).mean()), abs=1e-5)
    assert abs(pushed - plain) > 1e-3


def test_half_precision_is_trained_in_full() -> None:
    """Steps too small to be seen one by one in bfloat16 add up."""
    model: Any = tiny_model()
    engine = Engine(model.to(torch.bfloat16), word_tokenizer())
    weight = engine.model.get_parameter(DOWN["llama"]).detach().clone()
    tuned = tune(engine, LESSONS, Tuning(30, 1e-4, (DOWN["llama"],)))
    after = state(engine, tuned)[DOWN["llama"]]
    moved = (after.float() - weight.float()).abs()
    assert float(moved.mean()) > 5e-4
    assert after.dtype == torch.bfloat16


def test_batches_visit_all_lessons_alike_and_repeat_by_seed() -> None:
    """With one lesson to a step, three steps visit three lessons, in an order that the seed decides."""
    engine = tiny_engine()
    how = Tuning(3, 1e-9, batch=1)
    alone = sorted(float(text_loss(engine.model, engine, one).detach()) for one in LESSONS)
    first = tune(engine, LESSONS, how)
    assert sorted(first.losses) == pytest.approx(alone, abs=1e-4)
    assert tune(engine, LESSONS, how).losses == first.losses
    assert len({tune(engine, LESSONS, replace(how, seed=seed)).losses for seed in range(6)}) > 1


@pytest.mark.parametrize(
    ("lessons", "how", "words"),
    [
        ([], Tuning(1, 0.1), "no lesson"),
        ([Lesson("the cat", "")], Tuning(1, 0.1), "no token"),
        (LESSONS, Tuning(1, 0.1, ("nothing",)), "nothing"),
        (LESSONS, Tuning(1, 0.1, ("model.norm.weight",), rank=1), "no matrix"),
        (LESSONS, Tuning(1, 0.1, rank=1, within=0.1), "within"),
        (LESSONS, Tuning(1, 0.1, retain=1.0), "texts to keep"),
    ],
)
def test_what_cannot_be_trained_is_refused(lessons: list[Lesson], how: Tuning, words: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(BadOption, match=words):
        tune(tiny_engine(), lessons, how)
