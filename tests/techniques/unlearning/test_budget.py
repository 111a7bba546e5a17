"""The strongest change that is allowed: within it by measurement, and as far as halving can tell at it."""

from typing import Any

import pytest
import torch

from assay.core import Access, Change
from assay.core.errors import BadOption
from assay.model.changing.change import add
from assay.model.training.tuning import Lesson, Tuning
from assay.techniques.unlearning.budget import mean_loss, strongest
from assay.testing.tiny_model import tiny_handle

GUARD = ("ann lives in oslo", "bob keeps a pet", "the home of eve is rome .")


@pytest.fixture(scope="module")
def handle() -> Any:
    """A model that knows the guard, so that most of what is done to it does damage."""
    plain: Any = tiny_handle(Access.WHITE)
    learnt = plain.tune([Lesson("", text) for text in GUARD], Tuning(40, 1e-2))
    return plain.changed(Change(deltas=(learnt.delta,)))


def pushed(strength: float) -> Change:
    """A direction at a layer; the more of it, the more damage."""
    direction = torch.ones(16)
    return Change(hooks=(add("resid_post.2", direction, strength),) if strength else ())


def damage(handle: Any, change: Change) -> float:
    """By how much the loss per token rises, token by token."""
    losses: list[list[float]] = []
    for asked in (handle, handle.changed(change)):
        losses.append([-float(value) for row in asked.token_logprobs(list(GUARD)) for value in row])
    before, after = (sum(each) / len(each) for each in losses)
    return after - before


@pytest.mark.parametrize("allowed", [0.02, 0.2])
def test_the_strength_is_just_within_what_is_allowed(handle: Any, allowed: float) -> None:
    """Its damage is allowed, that of the next strength that was halved to is not."""
    strength, change = strongest(handle, pushed, GUARD, allowed, most=8.0, rounds=7)
    assert 0 < strength < 8.0
    assert damage(handle, change) <= allowed + 1e-6
    assert damage(handle, pushed(strength)) == pytest.approx(damage(handle, change), abs=1e-6)
    assert damage(handle, pushed(strength + 8.0 / 2**7)) > allowed - 1e-6


def test_all_of_it_is_taken_where_all_is_allowed(handle: Any) -> None:
    """Nothing is halved, and the model is asked twice."""
    asked: list[float] = []

    def made(strength: float) -> Change:
        asked.append(strength)
        return pushed(strength)

    strength, _ = strongest(handle, made, GUARD, 1e9, most=3.0)
    assert (strength, asked) == (3.0, [3.0])


def test_nothing_is_left_of_what_always_does_harm(handle: Any) -> None:
    """A change that breaks the model at any strength comes back at strength 0, as made there."""

    def made(strength: float) -> Change:
        return pushed(1e6 if strength else 0.0)

    strength, change = strongest(handle, made, GUARD, 0.05)
    assert (strength, change.hooks) == (0.0, ())


def test_damage_that_is_no_number_is_too_much(handle: Any) -> None:
    """Infinite vectors are never taken."""

    def made(strength: float) -> Change:
        return Change(hooks=(add("resid_post.2", torch.full((16,), float("inf"))),) if strength > 0.3 else ())

    strength, _ = strongest(handle, made, GUARD, 0.05, rounds=3)
    assert strength == 0.25


def test_the_mean_is_over_tokens(handle: Any) -> None:
    """Longer texts count for more."""
    rows = handle.token_logprobs(list(GUARD))
    assert mean_loss(handle, GUARD) == pytest.approx(-float(torch.cat(rows).mean()), abs=1e-5)


@pytest.mark.parametrize(("guard", "most"), [((), 1.0), (GUARD, 0.0)])
def test_what_cannot_be_sought_is_refused(handle: Any, guard: tuple[str, ...], most: float) -> None:
    """The message says what to give."""
    with pytest.raises(BadOption, match="guard texts"):
        strongest(handle, pushed, guard, 0.05, most)
