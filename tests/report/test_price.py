"""Amortised price and frontier against literal twins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core import Price
from assay.report.price import RunPrice, Spent, frontier, run_price, watch_price

POINTS = st.lists(st.tuples(st.integers(0, 6).map(float), st.integers(0, 6).map(float)), max_size=12)


def test_price_equals_the_formula_by_hand() -> None:
    """Two runs of different size should be amortised as the printed formula says."""
    runs = [
        Spent(Price(flops=10.0, wall_s=1.0), Price(flops=200.0, wall_s=4.0), transcripts=10),
        Spent(Price(flops=30.0, wall_s=3.0), Price(flops=700.0, wall_s=5.0), transcripts=20),
    ]
    price = watch_price(runs)
    assert price is not None
    assert price.prepare_flops == 20.0
    assert price.flops == pytest.approx(900 / 30)
    assert price.thousand_flops == pytest.approx(20.0 + 1000 * 900 / 30)
    assert price.thousand_s == pytest.approx(2.0 + 1000 * 9 / 30)


def test_no_transcripts_no_price() -> None:
    """A method that scored nothing should have no price for watching."""
    assert watch_price([]) is None
    assert watch_price([Spent(Price(flops=1.0), Price(), 0)]) is None


def test_run_price_equals_the_formula_by_hand() -> None:
    """Where nothing is watched, a run costs what preparing and using it cost together."""
    cost = {"prepare": {"flops": 10.0, "wall_s": 1.5}, "use": {"flops": 200.0, "wall_s": 4.0, "queries": 9.0}}
    assert run_price(cost) == RunPrice(flops=210.0, seconds=5.5)
    assert run_price({}) == RunPrice(0.0, 0.0)


@given(POINTS)
def test_frontier_is_what_nobody_beats(points: list[tuple[float, float]]) -> None:
    """Exactly the points that no rival beats, being cheaper or better and neither worse, should stay."""

    def beaten(i: int) -> bool:
        price, effect = points[i]
        return any(
            (p <= price and e > effect)
            or (p < price and e >= effect)
            or (p == price and e == effect and j < i)
            for j, (p, e) in enumerate(points)
            if j != i
        )

    assert sorted(frontier(points)) == [i for i in range(len(points)) if not beaten(i)]


@given(POINTS)
def test_frontier_runs_from_cheap_to_dear(points: list[tuple[float, float]]) -> None:
    """Along the frontier price and effect should both rise."""
    found = [points[i] for i in frontier(points)]
    assert found == sorted(found)
    assert [e for _, e in found] == sorted({e for _, e in found})
