"""The meter counts everything once, in the right stage."""

import time

import pytest
import torch

from assay.core import Price
from assay.cost import Meter, Stopwatch


def spin(seconds: float) -> None:
    """Keep the processor busy for so long, however long that takes on a machine that others use."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_charges_go_to_the_current_stage() -> None:
    """Preparation and use are apart, and a stage ends where its block ends, also on an error."""
    meter = Meter()

    def fail_in_use() -> None:
        with meter.stage("use"):
            meter.charge(Price(queries=10))
            with meter.stage("prepare"):
                meter.charge(Price(queries=100))
            raise RuntimeError

    meter.charge(Price(queries=1))
    with pytest.raises(RuntimeError):
        fail_in_use()
    meter.charge(Price(queries=1000))
    assert (meter.prepare.queries, meter.use.queries, meter.spent.queries) == (1101, 10, 1111)


def test_measure_counts_wall_and_processor_time() -> None:
    """Sleeping takes wall time only, spinning takes both."""
    meter = Meter()
    with meter.measure():
        time.sleep(0.05)
    asleep = meter.spent
    assert asleep.wall_s >= 0.05
    assert asleep.cpu_s < 0.03
    with meter.measure():
        spin(0.05)
    assert meter.spent.cpu_s - asleep.cpu_s >= 0.05


def test_work_apart_is_not_measured() -> None:
    """What runs apart is left to be charged by hand."""
    meter = Meter()
    start = time.perf_counter()
    with meter.measure():
        time.sleep(0.01)
        with meter.apart():
            time.sleep(0.2)
        meter.charge(Price(wall_s=5))
    assert 5.01 <= meter.spent.wall_s <= 5 + time.perf_counter() - start - 0.2


def test_nested_measures_count_once() -> None:
    """The inner block's seconds are in its own stage only."""
    meter = Meter()
    start = time.perf_counter()
    with meter.measure():
        time.sleep(0.02)
        with meter.stage("use"), meter.measure():
            time.sleep(0.05)
    assert meter.prepare.wall_s >= 0.02
    assert meter.use.wall_s >= 0.05
    assert meter.spent.wall_s <= time.perf_counter() - start


def test_running_measures_count_as_spent() -> None:
    """A budget can run out before a measured block ends, and the block is still billed when it fails."""
    meter = Meter()

    def fail_midway() -> None:
        with meter.measure():
            time.sleep(0.02)
            assert meter.spent.wall_s >= 0.02
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_midway()
    assert meter.spent.wall_s >= 0.02


def test_peak_is_what_was_held_above_the_start() -> None:
    """A tensor that is gone at the end still counts; what was there before does not."""
    held = torch.ones(30_000_000)
    with Stopwatch() as watch:
        more = torch.ones(20_000_000)
        time.sleep(0.03)
        del more
    assert 70_000_000 < watch.price.peak_bytes < 110_000_000
    del held


def test_a_paused_stopwatch_stands_still() -> None:
    """Pausing twice or resuming twice changes nothing."""
    with Stopwatch() as watch:
        watch.resume()
        watch.pause()
        watch.pause()
        before = watch.price
        time.sleep(0.02)
        assert watch.price == before
        watch.resume()
        time.sleep(0.01)
    assert watch.price.wall_s >= 0.01


def test_a_stopwatch_costs_little() -> None:
    """Starting and stopping takes well under a millisecond, since every call of a handle does it."""
    start = time.process_time()
    for _ in range(50):
        with Stopwatch():
            pass
    assert (time.process_time() - start) / 50 < 0.001
