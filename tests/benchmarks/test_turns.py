"""Turns: everybody once a round in rotating order, ratios of one round, intervals that hold the median."""

import random
from collections.abc import Callable
from itertools import combinations

import pytest

from benchmarks.turns import ratios, rounds, spread


def noting(order: list[str], name: str) -> Callable[[], float]:
    """A turn that writes down who had it."""

    def turn() -> float:
        order.append(name)
        return float(len(order))

    return turn


def test_everybody_is_first_equally_often() -> None:
    """Over as many rounds as there are participants, everybody has had every place once."""
    order: list[str] = []
    seconds = rounds({name: noting(order, name) for name in "abcd"}, 4)
    places = [order[4 * number : 4 * number + 4] for number in range(4)]
    assert all(sorted(place) == list("abcd") for place in [*places, *map(list, zip(*places, strict=True))])
    assert {name: len(times) for name, times in seconds.items()} == dict.fromkeys("abcd", 4)


def test_times_belong_to_who_took_them() -> None:
    """What a turn gave stands under its own name, whatever the order of the round."""
    seconds = rounds({"fast": lambda: 1.0, "slow": lambda: 5.0}, 3)
    assert seconds == {"fast": [1.0] * 3, "slow": [5.0] * 3}


def test_a_slow_round_does_not_move_the_ratio() -> None:
    """A round in which the machine was ten times slower for everybody leaves every ratio as it is."""
    ours, theirs = [1.0, 1.0, 10.0, 1.0, 1.0], [2.0, 2.0, 20.0, 2.0, 2.0]
    ratio = ratios(theirs, ours)
    assert (ratio.middle, ratio.low, ratio.high, ratio.n) == (2.0, 2.0, 2.0, 5)


@pytest.mark.parametrize("n", [6, 7, 9, 15])
def test_the_interval_holds_the_median_95_times_in_100(n: int) -> None:
    """Of many samples of a lopsided distribution, at least 95 in 100 intervals hold its true median."""
    draw = random.Random(n)
    held = 0
    for _ in range(2000):
        found = spread([draw.expovariate(1.0) for _ in range(n)])
        held += found.low <= 0.6931471805599453 <= found.high
    assert held / 2000 > 0.94


def test_no_narrower_interval_would_do() -> None:
    """The bounds are order statistics, the innermost pair that still covers 95 in 100 of fair coin tosses."""
    n = 9
    found = spread([float(number) for number in range(n)])
    outside = [sum(1 for k in range(n + 1) for _ in combinations(range(n), k) if k < edge) for edge in (2, 3)]
    assert [1 - 2 * count / 2**n >= 0.95 for count in outside] == [True, False]
    assert (found.low, found.middle, found.high) == (1.0, 4.0, 7.0)
