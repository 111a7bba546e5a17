"""What it costs to keep a method watching, and which methods give the most for their price."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.core import Price

THOUSAND = 1000
FORMULA = "mean preparation of a run + 1,000 × (use of all runs / transcripts scored in all runs)"


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
