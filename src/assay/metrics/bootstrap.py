"""Intervals in two stages: cases that share a request vary together, and so do the cases of one organism.

Stage 1, within an organism: whole groups are drawn with replacement, and every metric of every method is
evaluated on the same draws, so that a difference between methods is paired. With G groups the percentile
interval is too narrow; it is widened about its centre by sqrt(G / (G - 1)) t_{G-1} / z, after the expanded
percentile interval of Hesterberg (2015), Am. Stat. 69:371.

Stage 2, over organisms: K is small (3 to 9), and redrawing so few units gives anti-conservative percentiles
(Cameron, Gelbach and Miller 2008, Rev. Econ. Stat. 90:414): with K = 3 the widest interval that redrawing can
give covers 75%. The K estimates are therefore treated as K observations: mean ± t_{K-1} SE with
SE² = max(s² / K, Σ_k SE_k² / K²). Ibragimov and Müller (2010), J. Bus. Econ. Stat. 28:453, show that this
t-test keeps its level (up to 8.3%) even where the organisms differ in precision. The second term of the
maximum is the sampling error of the cases alone; no agreement by luck among organisms can undercut it.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from assay.core.errors import NotApplicable
from assay.metrics.proportion import wilson
from assay.metrics.quantiles import normal_quantile, student_quantile

LEVEL = 0.95
POWER = 0.8


@dataclass(frozen=True)
class Interval:
    """An estimate, its bounds, and the standard error behind them."""

    estimate: float
    low: float
    high: float
    se: float
    clusters: int
    """Independent units: groups within one organism, organisms above."""

    @property
    def detectable(self) -> float:
        """Smallest true difference found with power 0.8 by a two-sided test at 5%: (t_.975 + t_.8) SE."""
        df = max(1, self.clusters - 1)
        return (student_quantile(0.5 + LEVEL / 2, df) + student_quantile(POWER, df)) * self.se


def group_weights(pools: tuple[int, ...], resamples: int, seed: int) -> Float[np.ndarray, "groups resamples"]:
    """Draw how often each group counts in each resample; each pool of groups is redrawn on its own.

    Rows are the groups of all pools in order. Each column sums to the size of its pool, pool by pool.

    >>> group_weights((3, 2), 4, seed=0).sum(axis=0)
    array([5., 5., 5., 5.])
    """
    rng = np.random.default_rng(seed)
    blocks = [np.zeros((0, resamples))]
    for size in pools:
        draws = rng.integers(0, max(1, size), (resamples, size)) + size * np.arange(resamples)[:, None]
        counts = np.bincount(draws.ravel(), minlength=resamples * size)
        blocks.append(np.ascontiguousarray(counts.reshape(resamples, size).T, dtype=float))
    return np.concatenate(blocks)


def within(
    estimate: float,
    draws: Float[np.ndarray, " resamples"],
    clusters: int,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """Interval of one organism from the values of its resamples.

    The percentiles are taken about the mean of the draws, so that a metric that redrawing biases (an
    absolute value, say) is not shifted twice. Draws without a class are NaN and left out. Draws without any
    spread, as at a perfect score, tell nothing: the interval then reaches as far as Wilson's does for 0 of
    ``clusters``. A single cluster gives the whole range.

    >>> round(within(1.0, np.ones(100), clusters=100).low, 3)
    0.963
    """
    floor, ceiling = bounds
    z = normal_quantile(0.5 + LEVEL / 2)
    draws = draws[np.isfinite(draws)]
    if math.isnan(estimate) or not len(draws):
        raise NotApplicable("no resample has a value; there are too few cases of some class")
    if clusters < 2:
        return Interval(estimate, floor, ceiling, (ceiling - floor) / (2 * z), clusters)
    if np.ptp(draws) < 1e-12:
        reach = wilson(0, clusters, LEVEL)[1] * (ceiling - floor)
        se = reach / z
        return Interval(estimate, max(floor, estimate - reach), min(ceiling, estimate + reach), se, clusters)
    small = math.sqrt(clusters / (clusters - 1))
    factor = small * student_quantile(0.5 + LEVEL / 2, clusters - 1) / z
    tails = np.quantile(draws - draws.mean(), [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    low, high = estimate + factor * np.minimum(tails[0], 0), estimate + factor * np.maximum(tails[1], 0)
    se = small * float(draws.std(ddof=1))
    return Interval(estimate, max(floor, float(low)), min(ceiling, float(high)), se, clusters)


def pooled(parts: list[Interval], bounds: tuple[float, float] = (0.0, 1.0)) -> Interval:
    """Mean over organisms with the t interval of Ibragimov and Müller; one organism keeps its own interval.

    >>> parts = [Interval(e, 0.0, 1.0, 0.01, 100) for e in (0.7, 0.8, 0.9)]
    >>> whole = pooled(parts)
    >>> round(whole.estimate, 3), round(whole.low, 3)
    (0.8, 0.552)
    """
    if len(parts) < 2:
        return Interval(parts[0].estimate, parts[0].low, parts[0].high, parts[0].se, 1)
    values = np.array([part.estimate for part in parts])
    k = len(values)
    between = float(values.var(ddof=1)) / k
    sampling = sum(part.se**2 for part in parts) / k**2
    se = math.sqrt(max(between, sampling))
    half = student_quantile(0.5 + LEVEL / 2, k - 1) * se
    mean = float(values.mean())
    return Interval(mean, max(bounds[0], mean - half), min(bounds[1], mean + half), se, k)
