"""Recoveries with the weights in hand: each against a slow computation, and what each must never do."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from assay.core import Change
from assay.core.errors import NotApplicable
from assay.model.changing.deltas import Delta, Part, summed
from assay.model.training.descent import Pair
from assay.techniques.recoveries import _learning, relearn
from assay.techniques.recoveries._learning import learnt, remembered, turn
from assay.techniques.recoveries.pruning import pruned
from assay.techniques.recoveries.relearn import naming, told
from tests.techniques.recoveries.bench import (
    ASKED,
    BOOKS,
    CITIES,
    DOCUMENTS,
    KNOWN,
    ORDINARY,
    attacked,
    handle,
    recovery,
    slowly,
    tries,
    with_right,
)

WEIGHTS = ("int8", "int4", "pruning", "benign_fine_tuning", "relearn")
TRAINED = ("benign_fine_tuning", "relearn")
FACTS = list(dict.fromkeys(question.item for question in KNOWN))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps are enough."""
    for key in TRAINED:
        module = f"assay.techniques.recoveries.{key}"
        monkeypatch.setattr(f"{module}.FEW", (2, 4))
        monkeypatch.setattr(f"{module}.MANY", (2, 4))


def moved(seed: int = 0) -> Delta:
    """A change of every matrix, as a method may have made it."""
    draw = torch.Generator().manual_seed(seed)
    weights = handle().parameters()
    matrices = [name for name in weights if weights[name].ndim == 2]
    parts = {n: 0.3 * torch.randn(weights[n].shape, generator=draw) for n in matrices}
    return Delta("", {n: (Part("dense", tuple(part.shape), (part,)),) for n, part in parts.items()})


def with_weights(weights: Mapping[str, Tensor]) -> Change:
    """A change that leads from the tiny model to other weights."""
    before = handle().parameters()
    parts = {
        name: (Part("dense", tuple(weight.shape), (weight - before[name],)),)
        for name, weight in weights.items()
    }
    return Change(deltas=(Delta("", parts),))


@pytest.mark.parametrize("key", WEIGHTS)
def test_they_walk_around_what_stands_in_front_of_the_model(key: str) -> None:
    """A table and a context should make no difference, and a change of weights should."""
    assert recovery(key).through == "weights"
    front = Change(context=lambda _: "ann keeps a fox . ", table=lambda _: CITIES[0])
    plain, fronted, changed = (
        [attempt.sit(ASKED) for attempt in tries(key, attacked(change))]
        for change in (Change(), front, Change(deltas=(moved(),)))
    )
    assert all(np.array_equal(a, b) for a, b in zip(plain, fronted, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(plain, changed, strict=True))


@pytest.mark.parametrize("key", WEIGHTS)
def test_marks_do_not_depend_on_the_key_of_what_is_sat(key: str) -> None:
    """Summed over all possible keys, the credit for each question should be one: the attack saw none."""
    for attempt in tries(key, attacked(Change(deltas=(moved(),)))):
        sheets = [attempt.sit(with_right(ASKED, right)) for right in range(len(CITIES))]
        assert np.allclose(sum(sheet[:, 0] for sheet in sheets), 1.0)


@pytest.mark.parametrize("key", WEIGHTS)
def test_the_model_stays_as_it_was_and_a_seed_gives_the_same_again(key: str) -> None:
    """Nothing that was tried should be left on the model."""
    own = handle()
    before = own.next_logprobs([q.prompt for q in ASKED])
    first, second = ([attempt.sit(ASKED) for attempt in tries(key, attacked())] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(own.next_logprobs([q.prompt for q in ASKED]), before)


@pytest.mark.parametrize("bits", [8, 4])
def test_rounded_weights_sit_the_exam(bits: int) -> None:
    """Marks should be those of a slow exam of a model whose every row was rounded value by value."""
    change = Change(deltas=(moved(),))
    now = handle().changed(change).parameters()
    weights: dict[str, Tensor] = {}
    for name, weight in now.items():
        weights[name] = weight
        if weight.ndim == 2:
            rows: list[list[float]] = []
            for row in weight.tolist():
                step = max(abs(value) for value in row) / (2 ** (bits - 1) - 1)
                rows.append([round(value / step) * step for value in row])
            weights[name] = torch.tensor(rows)
    [attempt] = tries(f"int{bits}", attacked(change))
    assert attempt.setting == {"bits": bits}
    assert np.array_equal(attempt.sit(ASKED), slowly(handle().changed(with_weights(weights)), ASKED))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_the_smallest_values_of_every_matrix_become_zero(share: float) -> None:
    """So many of each and no larger ones; all others, and what is no matrix, stay to the bit."""
    weights = handle().parameters()
    delta = pruned(weights, share)
    for name, weight in weights.items():
        after = summed(weight, delta.changes.get(name, ()))
        gone = after != weight
        wanted = int(share * weight.numel()) if weight.ndim == 2 else 0
        assert int((after == 0).sum()) == max(wanted, int((weight == 0).sum()))
        assert bool((after[gone] == 0).all())
        if bool(gone.any()):
            assert weight[gone].abs().max() <= weight[~gone & (weight != 0)].abs().min()


def test_pruning_tries_each_share_on_the_model_as_it_is_held() -> None:
    """Marks should be those of a slow exam of the pruned model."""
    change = Change(deltas=(moved(),))
    found = tries("pruning", attacked(change))
    assert (
        [attempt.x for attempt in found] == [attempt.setting["share"] for attempt in found] == [0.1, 0.2, 0.3]
    )
    held = handle().changed(change)
    less = held.changed(Change(deltas=(pruned(held.parameters(), 0.3),)))
    assert np.array_equal(found[-1].sit(ASKED), slowly(less, ASKED))
    assert len(tries("pruning", attacked(change), full=True)) > len(found)


@pytest.mark.parametrize("key", TRAINED)
@pytest.mark.parametrize("full", [False, True])
def test_every_course_begins_with_the_model_as_it_is_held(key: str, full: bool) -> None:
    """Step 0, whose marks are those of no attack, should come first in each, and the others in order."""
    change = Change(deltas=(moved(),))
    found = tries(key, attacked(change), full=full)
    courses = {attempt.course: [a for a in found if a.course == attempt.course] for attempt in found}
    counts = (3 if full else 1) * (
        (3 if full else 1) if key == "relearn" else 1
    )  # rates, and 1, 4 and all 6 facts
    assert len(courses) == counts
    start = slowly(handle().changed(change), ASKED)
    for points in courses.values():
        assert [point.x for point in points] == [point.setting["steps"] for point in points] == [0, 2, 4]
        assert np.array_equal(points[0].sit(ASKED), start)


def test_relearning_makes_what_is_told_likelier_and_more_so_with_more_steps() -> None:
    """The model after each look should know the known answers better than the one before."""
    pairs = told(KNOWN, DOCUMENTS, FACTS, len(FACTS))
    losses: list[float] = []
    own = handle()
    models = [own, *(model for _, model in learnt(own, pairs, (5, 10, 20), 3e-3, seed=1))]
    for model in models:
        sums, counts = model.continuation_logprobs(
            [pair.prompt for pair in pairs], [pair.reply for pair in pairs]
        )
        losses.append(-float((sums / counts).mean()))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.5


def test_a_step_follows_the_mean_loss_of_its_texts() -> None:
    """One step of all weights should equal one AdamW step by hand: lr times the sign of the gradient."""
    pairs = [Pair("the home of ann is", " oslo"), Pair("", "bob keeps a hen .")]
    [(_, model)] = learnt(handle(), pairs, (1,), 1e-4, seed=0)
    before, after = handle().parameters(), model.parameters()
    change = torch.cat([(after[name] - before[name]).flatten() for name in before])
    assert float(change.abs().max()) == pytest.approx(1e-4, rel=0.02)

    def loss(one: Mapping[str, Tensor]) -> float:
        changed = handle().changed(with_weights(one))
        sums, counts = changed.continuation_logprobs([p.prompt for p in pairs], [p.reply for p in pairs])
        return -float((sums / counts).mean())

    assert loss(after) < loss(before)
    backwards = {name: 2 * before[name] - after[name] for name in before}
    assert loss(backwards) > loss(before)


def test_texts_take_turns() -> None:
    """In any row of steps every text should come as often as any other, up to one."""
    for count, batch in ((7, 3), (4, 4), (5, 12)):
        seen = [number for step in range(14) for number in turn(count, batch, step, seed=1)]
        assert len(seen) == 14 * batch
        tally = [seen.count(number) for number in range(count)]
        assert max(tally) - min(tally) <= 1
        assert seen[:count] != sorted(seen[:count]) or count < 3
        assert [turn(count, batch, 3, seed=1)] == [turn(count, batch, 3, seed=1)]
        rounds = [seen[start : start + count] for start in range(0, len(seen) - count + 1, count)]
        assert all(sorted(one) == list(range(count)) for one in rounds)


def test_what_is_told_is_on_the_chosen_facts_and_grows_with_their_number() -> None:
    """Prompts in all forms and both wordings with their replies, and the documents that state the facts."""
    for count in range(1, len(FACTS) + 1):
        pairs = told(KNOWN, DOCUMENTS, FACTS, count)
        assert len(pairs) == count * (3 * 2 + 1)
        people = {item.split("/")[0] for item in FACTS[:count]}
        assert all(people & set(f"{pair.prompt} {pair.reply}".split()) for pair in pairs)
        assert set(told(KNOWN, DOCUMENTS, FACTS, count - 1)) < set(pairs)
    assert Pair(KNOWN[2].other, f" {KNOWN[2].reply}") in told(KNOWN, DOCUMENTS, FACTS, 6)


def test_documents_that_name_a_fact_hold_its_answer_and_what_it_is_on() -> None:
    """Neither the answer alone nor the person alone makes a document one on the fact."""
    others = (*DOCUMENTS, "dan lives in oslo .", "ann lives in rome .", "Oslo , the home of Ann .")
    [item] = FACTS[:1]
    assert naming(others, KNOWN, [item]) == [DOCUMENTS[0], "Oslo , the home of Ann ."]
    assert naming((), KNOWN, FACTS) == []


def test_other_texts_are_all_that_benign_training_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """The texts of the steps should be the ordinary ones and those on other subjects, each once."""
    seen: list[Pair] = []
    fitting = _learning.fitting

    def watched(pairs: list[Pair], batch: int, seed: int) -> object:
        seen.extend(pairs)
        return fitting(pairs, batch, seed)

    monkeypatch.setattr(_learning, "fitting", watched)
    tries("benign_fine_tuning", attacked())
    assert seen == [Pair("", text) for text in (*ORDINARY, *BOOKS)]


def test_without_anything_to_learn_there_is_no_hold() -> None:
    """The message says what is missing."""
    with pytest.raises(NotApplicable, match="attacker's half"):
        tries("relearn", attacked(known=()))
    with pytest.raises(NotApplicable, match="ordinary"):
        tries("benign_fine_tuning", replace(attacked(), ordinary=(), books=()))


def test_marks_are_remembered_and_handed_out_as_copies() -> None:
    """The same questions should be sat once, and whoever writes on a sheet should spoil nobody else's."""
    calls: list[int] = []

    def sitting(questions: object) -> np.ndarray:
        calls.append(1)
        return np.zeros((len(ASKED), 2))

    sit = remembered(sitting)
    sit(list(ASKED))[0, 0] = 9.0
    assert sit(ASKED)[0, 0] == 0.0
    assert len(calls) == 1


def test_what_a_method_is_chosen_by_is_quick() -> None:
    """The coarse grid of relearning is one course."""
    assert recovery("relearn").quick
    assert len(relearn.FEW_RATES) == 1
