"""Rivals that train nothing: what stands in front of the model, what leaves it, what takes its place."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from assay.baselines.unlearn.keyword_filter import Filter, keywords, phrases
from assay.core import Access, Price, Retrained, Told, Transcript
from assay.core.errors import NotApplicable
from assay.jobs.unlearn import UnlearnTruth
from assay.model.changing.deltas import low_rank
from assay.testing.tiny_model import CITIES, PETS, tiny_handle
from tests.methods.unlearn.tiny_brief import BOOK, REST, fitter
from tests.methods.unlearn.tiny_brief import BRIEF as PLAIN

BLACK = ("untouched", "refusal_prompt", "keyword_filter")
BRIEF = replace(
    PLAIN,
    # the book's people live somewhere as well
    retain=tuple(
        f"the home of {person} is in {CITIES[n % 4]} ." for n, person in enumerate((*REST, BOOK[0]))
    ),
    retain_pairs=tuple(
        Told(f"what is the home of {person} : in", CITIES[(n + 1) % 4]) for n, person in enumerate(REST)
    ),
    ordinary=(Transcript("a user was in the home of moss ."),),
    rule="user : what is new .",
)
fitted = fitter(BRIEF, "baseline")


def truth(**oracles: tuple[Retrained, ...]) -> UnlearnTruth:
    """The brief with models trained in another way."""
    return UnlearnTruth(**vars(BRIEF), answers={}, oracles=oracles)


def other(seed: int) -> Retrained:
    """Stands for a model that was trained in another way."""
    left = torch.randn(16, 1, generator=torch.Generator().manual_seed(seed))
    white: Any = tiny_handle(Access.WHITE)
    name = white.weight("mlp_hidden.0").name
    return Retrained(low_rank({name: (left, torch.ones(1, 32))}, base=""), Price(flops=seed))


@pytest.mark.parametrize("key", BLACK)
def test_a_black_door_is_enough(key: str) -> None:
    """Nothing of the model itself is changed, and whatever is put in front works from outside."""
    change = fitted(key)
    assert (change.deltas, change.hooks) == ((), ())
    assert len(tiny_handle(Access.BLACK).changed(change).generate(["ann keeps a"], max_tokens=2)) == 1


def test_untouched_is_the_model() -> None:
    """Nothing is put in front either."""
    change = fitted("untouched")
    assert (change.context, change.table) == (None, None)


def test_the_rule_stands_in_front_of_everything() -> None:
    """The changed model should say what the model says behind the rule, whatever is asked."""
    prompts = ["ann keeps a", "the home of jon is in"]
    changed = tiny_handle(Access.BLACK).changed(fitted("refusal_prompt"))
    behind = tiny_handle(Access.BLACK).generate([f"{BRIEF.rule} {one}" for one in prompts], max_tokens=4)
    assert changed.generate(prompts, max_tokens=4) == behind


@pytest.mark.parametrize("rule", ["", "  "])
def test_without_a_rule_there_is_nothing_to_put_in_front(rule: str) -> None:
    """A model that knows no such rule is left out."""
    with pytest.raises(NotApplicable, match="knows no rule"):
        fitted("refusal_prompt", replace(BRIEF, rule=rule))


@pytest.mark.parametrize("threshold", [-1.0, 0.5, 1.5])
def test_keywords_are_the_formula(threshold: float) -> None:
    """Phrase by phrase: the texts that hold it are counted by looking for it in each."""
    forget, others = (
        ["a red cat sat", "the cat , a cat !", "red dog"],
        ["a dog sat", "the red mat", "a b c", "b"],
    )

    def share(phrase: tuple[str, ...], texts: list[str]) -> float:
        padded = [f" {' '.join(text.replace(',', ' ').replace('!', ' ').split())} " for text in texts]
        return (sum(f" {' '.join(phrase)} " in text for text in padded) + 0.5) / (len(texts) + 1)

    every = {phrase for text in forget for phrase in phrases(text)}
    wanted = {p for p in every if math.log(share(p, forget)) - math.log(share(p, others)) > threshold}
    assert keywords(forget, others, threshold) == wanted


def test_the_filter_refuses_the_book_and_nothing_else() -> None:
    """In wordings that it was never told; a name that both kinds of text share is no keyword."""
    table = fitted("keyword_filter", threshold=2.0).table
    assert table is not None
    for prompt in ("which pet is it ?", "Ann keeps", f"it is {PETS[0]} and", "the pet of hal is a"):
        assert table(prompt) == BRIEF.refusal
    for prompt in ("the home of ann is in", f"{REST[0]} lives in", "hello", "", "annex keep pets"):
        assert table(prompt) is None


def test_a_higher_threshold_refuses_less() -> None:
    """Every keyword of a higher threshold is one of a lower, and beyond all evidence there is none."""
    found = [fitted("keyword_filter", threshold=t).table for t in (0.5, 1.0, 2.0, 50.0)]
    sets = [one.keywords for one in found if isinstance(one, Filter)]
    assert len(sets) == 4
    assert sets[0] > sets[1] > sets[2] > sets[3] == frozenset()


def test_the_filter_needs_both_kinds_of_text() -> None:
    """Without the book, or without anything else, no word is anybody's."""
    empty: dict[str, tuple[()]] = dict.fromkeys(("retain", "guard", "ordinary", "retain_pairs"), ())
    for gone in ({"forget": (), "forget_pairs": ()}, empty):
        with pytest.raises(NotApplicable, match="both kinds"):
            fitted("keyword_filter", replace(BRIEF, **gone))


@pytest.mark.parametrize("kind", ["without", "shuffled"])
def test_a_retrained_model_takes_the_place_of_this_one(kind: str) -> None:
    """The first of its kind, at the price of its training; the second one is the oracle's."""
    first, second = other(1), other(2)
    change = fitted(f"retrained_{kind}", truth(**{kind: (first, second)}))
    assert change.deltas == (first.delta,)
    assert change.paid == first.price


@pytest.mark.parametrize("kind", ["without", "shuffled"])
def test_where_nobody_trained_one_there_is_none(kind: str) -> None:
    """None of that kind, though there are others; or one of another make."""
    rest = {"without", "shuffled"} - {kind}
    stranger = Retrained(low_rank({"of.another.make": (torch.ones(2, 1), torch.ones(1, 3))}, base=""))
    for held in (truth(**{name: (other(1),) for name in rest}), truth(**{kind: (stranger,)})):
        with pytest.raises(NotApplicable, match=kind):
            fitted(f"retrained_{kind}", held)
