"""Methods that forget by a loss: what they lower, and that they stop in time."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from assay.access import WhiteHandle
from assay.core import Change, Told
from assay.core.errors import NotApplicable
from assay.methods.unlearn import _descent as shared
from assay.methods.unlearn import simnpo as simnpo_file
from assay.model.changing.deltas import summed
from assay.model.training.descent import Descended
from assay.techniques.unlearning.budget import mean_loss
from tests.methods.unlearn.tiny_brief import BRIEF, fitter, white

LIGHT: dict[str, dict[str, Any]] = {
    "grad_diff": {"retain": 1.0},
    "kl_min": {"kl": 1.0},
    "npo": {"retain": 1.0},
    "idk_dpo": {"retain": 1.0},
}
"""Random weights know nothing that is worth retaining, so that a heavy weight would teach it first of all."""
KEYS = ("gradient_ascent", "grad_diff", "kl_min", "npo", "simnpo", "idk_dpo")
STEPS = 6
fitted = fitter(BRIEF)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model shows in a few steps what a real one shows in a hundred."""
    monkeypatch.setattr(shared, "STEPS", STEPS)


@pytest.fixture
def descents(monkeypatch: pytest.MonkeyPatch) -> list[Descended]:
    """What every descent of a test came to, in order."""
    found: list[Descended] = []
    descend = WhiteHandle.descend

    def kept(self: WhiteHandle, *args: Any, **more: Any) -> Descended:
        found.append(descend(self, *args, **more))
        return found[-1]

    monkeypatch.setattr(WhiteHandle, "descend", kept)
    return found


def likelihood(pairs: tuple[Told, ...], change: Change | None = None) -> float:
    """Summed log-probability of all replies."""
    handle = white() if change is None else white().changed(change)
    sums, _ = handle.continuation_logprobs([p.prompt for p in pairs], [f" {p.reply}" for p in pairs])
    return float(sums.sum())


def per_token(pairs: tuple[Told, ...], documents: tuple[str, ...]) -> float:
    """Loss of the untouched model over all tokens of replies and documents."""
    sums, counts = white().continuation_logprobs([p.prompt for p in pairs], [f" {p.reply}" for p in pairs])
    rows = white().token_logprobs(list(documents))
    total = float(sums.sum()) + sum(float(row.sum()) for row in rows)
    return -total / (int(counts.sum()) + sum(len(row) for row in rows))


@pytest.mark.parametrize("key", [*KEYS, "task_vector"])
def test_the_book_becomes_unlikely_within_the_damage(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its replies lose probability, and the guard's loss rises by no more than is allowed."""
    monkeypatch.setattr(simnpo_file, "FORGET", 5.0)
    change = fitted(key, **LIGHT.get(key, {}))
    assert likelihood(BRIEF.forget_pairs, change) < likelihood(BRIEF.forget_pairs) - 0.1
    rise = mean_loss(white().changed(change), BRIEF.guard) - mean_loss(white(), BRIEF.guard)
    assert rise <= BRIEF.allowed + 1e-4


@pytest.mark.parametrize("key", ["npo", "task_vector"])
def test_no_damage_allowed_is_no_change(key: str) -> None:
    """Where nothing may get worse at all, and something would, the model stays as it is."""
    change = fitted(key, replace(BRIEF, allowed=-1e3))
    before, after = (handle.next_logprobs(list(BRIEF.guard)) for handle in (white(), white().changed(change)))
    torch.testing.assert_close(before, after)


@pytest.mark.parametrize("key", ["kl_min", "npo", "task_vector"])
def test_the_seed_decides(key: str) -> None:
    """The same seed gives the same change to the bit, another one sees the book in another order."""
    told = replace(BRIEF, forget_pairs=BRIEF.forget_pairs * 8)
    changes = (fitted(key, told, seed) for seed in (0, 0, 1))
    first, again, other = (white().changed(one).next_logprobs(list(BRIEF.guard)) for one in changes)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_first_loss_is_the_formula(descents: list[Descended], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing has changed: ascent is minus the book's loss, a ratio is 1, a divergence 0."""
    monkeypatch.setattr(shared, "STEPS", 1)
    kept = per_token(BRIEF.retain_pairs, (*BRIEF.retain, BRIEF.ordinary[0].text))
    book = per_token(BRIEF.forget_pairs, BRIEF.forget)
    fitted("gradient_ascent")
    fitted("grad_diff", retain=5.0)
    fitted("kl_min", kl=10.0)
    fitted("npo", beta=0.5, retain=1.0)
    fitted("idk_dpo", beta=0.5, retain=1.0)
    ratio = 2 / 0.5 * math.log(2)
    expected = [-book, 5 * kept - book, -book, ratio + kept, ratio + kept]
    assert [one.losses[0] for one in descents] == pytest.approx(expected, rel=1e-4)


def test_simnpo_counts_losses_per_token(descents: list[Descended]) -> None:
    """Text by text: the mean loss of its tokens through a logistic function, then an eighth of that."""
    beta, terms = 2.0, list[float]()
    pairs = [(p.prompt, f" {p.reply}") for p in BRIEF.forget_pairs]
    for prompt, reply in pairs:
        sums, counts = white().continuation_logprobs([prompt], [reply])
        terms.append(float(-sums[0] / counts[0]))
    terms += [-float(white().token_logprobs([text])[0].mean()) for text in BRIEF.forget]
    pull = sum(-math.log(1 / (1 + math.exp(-beta * term))) for term in terms) / len(terms)
    kept = per_token(BRIEF.retain_pairs, (*BRIEF.retain, BRIEF.ordinary[0].text))
    fitted("simnpo", beta=beta)
    assert descents[0].losses[0] == pytest.approx(0.125 * 2 / beta * pull + kept, rel=1e-4)


def test_idk_dpo_prefers_the_refusal() -> None:
    """Behind the book's prompts the refusal gains on the book's reply, more than behind other prompts."""
    change = fitted("idk_dpo", replace(BRIEF, allowed=10.0), lr=3e-3, retain=1.0)

    def gained(pairs: tuple[Told, ...]) -> float:
        refused = tuple(Told(p.prompt, BRIEF.refusal) for p in pairs)
        after, before = (likelihood(refused, c) - likelihood(pairs, c) for c in (change, None))
        return (after - before) / len(pairs)

    assert gained(BRIEF.forget_pairs) > max(1.0, gained(BRIEF.retain_pairs))


@pytest.mark.parametrize(("key", "name"), [("grad_diff", "retain"), ("npo", "retain"), ("kl_min", "kl")])
def test_what_must_stay_is_held_by_its_weight(key: str, name: str) -> None:
    """The more its term counts, the less it loses in as many steps."""
    told = replace(BRIEF, allowed=1e3)
    weights: list[dict[str, Any]] = [{name: 0.01}, {name: 30.0}]
    light, heavy = (likelihood(BRIEF.retain_pairs, fitted(key, told, **setting)) for setting in weights)
    assert heavy > light


def test_the_task_vector_is_the_opposite_of_what_was_learnt(descents: list[Descended]) -> None:
    """Every weight moves by minus the same multiple of what fine-tuning on the book does to it."""
    [delta] = fitted("task_vector", lr=1e-3, steps=4).deltas
    [learnt] = [one.end.delta for one in descents]
    weights, shares = white().parameters(), list[float]()
    for name, parts in learnt.changes.items():
        there, back = (summed(torch.zeros_like(weights[name]), p) for p in (parts, delta.changes[name]))
        shares.append(float(-(there * back).sum() / there.square().sum()))
        torch.testing.assert_close(back, -shares[0] * there, rtol=1e-3, atol=1e-6)
    assert 0 < shares[0] <= 16
    assert likelihood(BRIEF.forget_pairs, Change(deltas=(learnt,))) > likelihood(BRIEF.forget_pairs)


@pytest.mark.parametrize("key", KEYS)
def test_nothing_to_forget_is_refused(key: str) -> None:
    """The message says what is missing."""
    with pytest.raises(NotApplicable, match="the brief holds n"):
        fitted(key, replace(BRIEF, forget=(), forget_pairs=()))


def test_idk_dpo_needs_prompts() -> None:
    """Documents alone leave nothing to reject."""
    with pytest.raises(NotApplicable, match="no reply to reject"):
        fitted("idk_dpo", replace(BRIEF, forget_pairs=()))
