"""Quantiles of the beta, Student and normal distributions, without SciPy."""

import math
from functools import lru_cache
from statistics import NormalDist


def normal_quantile(p: float) -> float:
    """Value that a standard normal variable stays below with probability ``p``.

    >>> round(normal_quantile(0.975), 3)
    1.96
    """
    return NormalDist().inv_cdf(p)


@lru_cache(maxsize=4096)
def student_quantile(p: float, df: int) -> float:
    """Value that a Student variable with ``df`` degrees of freedom stays below with probability ``p``.

    P(T > t) = I_x(df/2, 1/2) / 2 with x = df / (df + t²), so t follows from a beta quantile.

    >>> round(student_quantile(0.975, 2), 3)
    4.303
    """
    if p == 0.5:
        return 0.0
    if df > 100_000:
        return normal_quantile(p)
    x = beta_quantile(2 * min(p, 1 - p), df / 2, 0.5)
    return math.copysign(math.sqrt(df * (1 - x) / x), p - 0.5)


def beta_quantile(p: float, a: float, b: float) -> float:
    """Invert ``beta_cdf`` in its first argument by bisection, to the last bit that a float holds.

    >>> round(beta_quantile(0.5, 3.0, 3.0), 6)
    0.5
    """
    low, high = 0.0, 1.0
    for _ in range(1100):  # halving from 1 down to the smallest float takes 1075 steps
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if beta_cdf(middle, a, b) < p else (low, middle)
    return high


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (DLMF 8.17.22).

    >>> round(beta_cdf(0.3, 1.0, 1.0), 6)
    0.3
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side only
        return 1 - beta_cdf(1 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_front) / (a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)) with the coefficients of DLMF 8.17.23."""
    tiny = 1e-300
    value, c, d = 1.0, 1.0, 0.0
    for step in range(1, 10_000):
        m = step // 2
        if step % 2:
            coefficient = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            coefficient = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + coefficient * d) or tiny)
        c = (1 + coefficient / c) or tiny
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value
