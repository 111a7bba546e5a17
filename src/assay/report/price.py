"""What it costs to keep a method watching, or to run it once, and which methods give the most for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.core import Price

THOUSAND = 1000
FORMULA = "mean preparation of a run + 1,000 × (use of all runs / transcripts scored in all runs)"
RUN_FORMULA = "mean preparation of a run + mean use of a run"


@dataclass(frozen=True)
class Spent:
    """What one finished run cost, and how many transcripts it scored for that."""

    prepare: Price
    use: Price
    transcripts: int


@dataclass(frozen=True)
class WatchPrice:
    """The price of a method, spread over 1,000 watched transcripts. Seconds are wall-clock."""

    prepare_flops: float
    """Operations of preparing once, mean over runs."""
    prepare_s: float
    flops: float
    """Operations for one watched transcript, preparation left out."""
    seconds: float
    """Seconds for one watched transcript, preparation left out."""
    thousand_flops: float
    """Operations for preparing once and watching 1,000 transcripts."""
    thousand_s: float


@dataclass(frozen=True)
class RunPrice:
    """The price of running a method once, for jobs in which nothing is watched. Seconds are wall-clock."""

    flops: float
    seconds: float


def run_price(cost: Mapping[str, Mapping[str, float]]) -> RunPrice:
    """Add up what a run costs, as the rows of a table hold it.

    >>> run_price({"prepare": {"flops": 3.0, "wall_s": 1.0}, "use": {"flops": 4.0}})
    RunPrice(flops=7.0, seconds=1.0)
    """
    flops, seconds = (sum(stage.get(name, 0.0) for stage in cost.values()) for name in ("flops", "wall_s"))
    return RunPrice(flops, seconds)


def watch_price(runs: Sequence[Spent]) -> WatchPrice | None:
    """Amortise metered prices; None where no run scored a transcript.

    >>> run = Spent(Price(flops=50.0), Price(flops=20.0), transcripts=10)
    >>> watch_price([run, run]).thousand_flops
    2050.0
    """
    transcripts = sum(run.transcripts for run in runs)
    if transcripts == 0:
        return None
    prepare = sum((run.prepare for run in runs), Price()).scaled(1 / len(runs))
    use = sum((run.use for run in runs), Price()).scaled(1 / transcripts)
    return WatchPrice(
        prepare_flops=prepare.flops,
        prepare_s=prepare.wall_s,
        flops=use.flops,
        seconds=use.wall_s,
        thousand_flops=prepare.flops + THOUSAND * use.flops,
        thousand_s=prepare.wall_s + THOUSAND * use.wall_s,
    )


def frontier(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Indices of the (price, effect) points that no cheaper or equally priced point beats, cheapest first.

    >>> frontier([(1.0, 0.5), (2.0, 0.4), (3.0, 0.9)])
    (0, 2)
    """
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    kept: list[int] = []
    for i in order:
        if not kept or points[i][1] > points[kept[-1]][1]:
            kept.append(i)
    return tuple(kept)
