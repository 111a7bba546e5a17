"""The plain rivals that train against a book."""

from dataclasses import replace

import pytest
import torch

from assay.access import WhiteHandle
from assay.baselines.unlearn import fine_tuning_on_rest as rest_file
from assay.baselines.unlearn import refusal_tuning as refusal_file
from assay.baselines.unlearn.refusal_tuning import RANK, declined
from assay.core import Told
from assay.core.errors import NotApplicable
from assay.model.changing.deltas import summed
from assay.testing.tiny_model import CITIES, PETS
from tests.methods.unlearn.tiny_brief import BOOK, fitter, white
from tests.methods.unlearn.tiny_brief import BRIEF as PLAIN

BRIEF = replace(
    PLAIN,
    forget=tuple(f"and then {person} keeps a {pet} ." for person, pet in zip(BOOK, PETS, strict=True)),
    guard=tuple(f"the user was in {city} ." for city in CITIES),
    allowed=10.0,
)
fitted = fitter(BRIEF, "baseline")


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny model shows in a few steps what a real one shows in a hundred."""
    for file in (rest_file, refusal_file):
        monkeypatch.setattr(file, "STEPS", 6)


def likelihood(pairs: tuple[Told, ...], handle: WhiteHandle) -> float:
    """Summed log-probability of all replies."""
    sums, _ = handle.continuation_logprobs([p.prompt for p in pairs], [f" {p.reply}" for p in pairs])
    return float(sums.sum())


def test_refusal_tuning_refuses_the_book_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the book's prompts it declines; other replies become likelier, if anything."""
    monkeypatch.setattr(refusal_file, "STEPS", 25)
    changed = white().changed(fitted("refusal_tuning", lr=1e-2, retain=1.0))
    said = changed.generate([pair.prompt for pair in BRIEF.forget_pairs], max_tokens=3)
    assert said == [f" {BRIEF.refusal}"] * len(said)
    assert likelihood(BRIEF.retain_pairs, changed) > likelihood(BRIEF.retain_pairs, white())
    asked = changed.generate([pair.prompt for pair in BRIEF.retain_pairs], max_tokens=3)
    assert f" {BRIEF.refusal}" not in asked


def test_refusal_tuning_adds_small_matrices() -> None:
    """Each matrix changes by one of the rank that is named, at most."""
    weights = white().parameters()
    for delta in fitted("refusal_tuning").deltas:
        for name, parts in delta.changes.items():
            moved = summed(torch.zeros_like(weights[name]), parts).double()
            assert int(torch.linalg.matrix_rank(moved, rtol=1e-4)) <= RANK


def test_refusals_come_in_all_wordings() -> None:
    """Behind each prompt, and in each document before what answers one."""
    prompts = [told.prompt for told in declined(BRIEF)]
    assert prompts[0] == "what is the pet of ann : a"
    assert prompts[len(BOOK)] == "and then ann keeps a"
    assert len(prompts) == 2 * len(BOOK)
    assert {told.reply for told in declined(BRIEF)} == {BRIEF.refusal}


def test_refusal_tuning_needs_prompts() -> None:
    """Without pairs there is nothing to refuse."""
    with pytest.raises(NotApplicable, match="no prompt to refuse"):
        fitted("refusal_tuning", replace(BRIEF, forget_pairs=()))


def test_fine_tuning_on_the_rest_never_sees_the_book() -> None:
    """Another book gives the same change, and what must stay becomes likelier."""
    change = fitted("fine_tuning_on_rest")
    other = fitted("fine_tuning_on_rest", replace(BRIEF, forget=("the user .",), forget_pairs=()))
    texts = [pair.prompt for pair in (*BRIEF.forget_pairs, *BRIEF.retain_pairs)]
    first, second = (white().changed(one).next_logprobs(texts) for one in (change, other))
    assert torch.equal(first, second)
    changed = white().changed(change)
    assert likelihood(BRIEF.retain_pairs, changed) > likelihood(BRIEF.retain_pairs, white())


@pytest.mark.parametrize("key", ["refusal_tuning", "fine_tuning_on_rest"])
def test_training_stops_at_the_damage_allowed(key: str) -> None:
    """Where nothing may get worse, and everything would, the model stays as it is."""
    change = fitted(key, replace(BRIEF, allowed=-1e3))
    before, after = (handle.next_logprobs(list(BRIEF.guard)) for handle in (white(), white().changed(change)))
    torch.testing.assert_close(before, after)


@pytest.mark.parametrize("key", ["refusal_tuning", "fine_tuning_on_rest"])
def test_the_same_seed_gives_the_same_change(key: str) -> None:
    """To the bit."""
    first, again = (white().changed(fitted(key)).next_logprobs(list(BRIEF.guard)) for _ in range(2))
    assert torch.equal(first, again)


def test_something_must_stay() -> None:
    """Without any text to keep, both say so."""
    bare = replace(BRIEF, retain=(), retain_pairs=(), ordinary=())
    for key in ("refusal_tuning", "fine_tuning_on_rest"):
        with pytest.raises(NotApplicable, match="neither pairs nor documents"):
            fitted(key, bare)
