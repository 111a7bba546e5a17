"""A share of cases with its interval."""

import math

from assay.core import Better, Score
from assay.core.errors import BadOption
from assay.metrics.quantiles import beta_quantile, normal_quantile


def proportion(
    metric: str, hits: int, n: int, *, unit: str = "share", better: Better = "higher", level: float = 0.95
) -> Score:
    """Share of hits among ``n`` independent cases, with Wilson's interval.

    Source: Wilson (1927), JASA 22:209. Raises ``BadOption`` where there is no case.

    >>> proportion("fires", 9, 10).text
    '0.900 [0.596, 0.982]'
    """
    low, high = wilson(hits, n, level)
    return Score(metric, hits / n, low, high, n=n, unit=unit, better=better, level=level)


def wilson(hits: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval: all p with (p̂ - p)² <= z² p (1 - p) / n.

    >>> low, high = wilson(0, 100)
    >>> low, round(high, 4)
    (0.0, 0.037)
    """
    _check(hits, n)
    z2 = normal_quantile(0.5 + level / 2) ** 2
    share = hits / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # at the bounds the formula is exact but its rounding is not
    return (0.0 if hits == 0 else min(share, centre - half)), (
        1.0 if hits == n else max(share, centre + half)
    )


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval: its coverage never falls below ``level``, whatever the true share.

    Source: Clopper and Pearson (1934), Biometrika 26:404. low = Beta⁻¹(α/2; k, n-k+1),
    high = Beta⁻¹(1-α/2; k+1, n-k).

    >>> low, high = clopper_pearson(0, 100)
    >>> low, round(high, 4)
    (0.0, 0.0362)
    """
    _check(hits, n)
    tail = (1 - level) / 2
    low = beta_quantile(tail, hits, n - hits + 1) if hits > 0 else 0.0
    high = beta_quantile(1 - tail, hits + 1, n - hits) if hits < n else 1.0
    return low, high


def _check(hits: float, n: int) -> None:
    if n < 1 or not 0 <= hits <= n:
        raise BadOption(f"a share needs at least one case and 0 <= hits <= n; got {hits} of {n}")
