"""Budgets: read from text, checked before the work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core import Price
from assay.core.errors import BadOption, BudgetExceeded
from assay.cost import Budget

LARGE = Price(queries=10**6, tokens_forward=10**9, flops=1e18, wall_s=1e6)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("", Budget()),
        (" tokens=1e6 , seconds=30 ", Budget(tokens=1_000_000, seconds=30)),
        ("queries=5,flops=2.5e12", Budget(queries=5, flops=2.5e12)),
        ("tokens=0", Budget(tokens=0)),
    ],
)
def test_budgets_are_read(text: str, budget: Budget) -> None:
    """Names, numbers and spaces as people write them."""
    assert Budget.parse(text) == budget


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("money=3", "money.*queries, tokens, flops, seconds"),
        ("tokens", "cannot read 'tokens'"),
        ("tokens=many", "'many'"),
        ("tokens=-1", "'-1'"),
        ("seconds=nan", "'nan'"),
        ("seconds=inf", "'inf'"),
        ("tokens=1.5", "whole"),
        ("tokens=1,tokens=2", "twice"),
    ],
)
def test_unreadable_budgets_are_bad_options(text: str, words: str) -> None:
    """The message names what could not be read."""
    with pytest.raises(BadOption, match=words):
        Budget.parse(text)


def test_negative_limits_are_bad_options() -> None:
    """Also when given as numbers."""
    with pytest.raises(BadOption, match="queries is -1"):
        Budget(queries=-1)


def test_no_limit_allows_everything() -> None:
    """None is unlimited."""
    Budget().check(LARGE, LARGE)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_tokens_may_be_used_up_but_not_overdrawn(forward: int, backward: int, spent: int, limit: int) -> None:
    """Asked (forward and backward) plus spent may reach the limit and no more."""
    asked = Price(tokens_forward=forward, tokens_backward=backward)
    if forward + backward + spent <= limit:
        Budget(tokens=limit).check(asked, Price(tokens_forward=spent))
    else:
        with pytest.raises(BudgetExceeded):
            Budget(tokens=limit).check(asked, Price(tokens_forward=spent))


def test_the_message_says_asked_spent_and_allowed() -> None:
    """All three numbers and the name of the limit."""
    with pytest.raises(BudgetExceeded, match="3 queries asked, 8 spent, 10 allowed"):
        Budget(queries=10).check(Price(queries=3), Price(queries=8))
    with pytest.raises(BudgetExceeded, match=r"2e\+12 flops asked, 0 spent, 1e\+12 allowed"):
        Budget(flops=1e12).check(Price(flops=2e12), Price())


def test_seconds_run_out() -> None:
    """A call's seconds are unknown beforehand, so work goes on until they are used up."""
    Budget(seconds=1).check(Price(), Price(wall_s=0.99))
    with pytest.raises(BudgetExceeded, match="seconds"):
        Budget(seconds=1).check(Price(), Price(wall_s=1.0))
