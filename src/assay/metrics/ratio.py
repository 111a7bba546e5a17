"""The ratio of two sums over texts: what a mean of ratios would distort."""

import math

import numpy as np
from jaxtyping import Float

from assay.core.errors import NotApplicable
from assay.core.score import Better, Score
from assay.metrics.bootstrap import LEVEL
from assay.metrics.quantiles import student_quantile


def ratio(
    metric: str,
    above: Float[np.ndarray, " texts"],
    below: Float[np.ndarray, " texts"],
    *,
    n: int,
    unit: str,
    better: Better,
    one_minus: bool = False,
) -> Score:
    """``r = sum a / sum b`` (or ``1 - r``) with the interval ``r ± t_{G-1} SE``.

    Texts are what varies: ``SE² = G / (G - 1) sum (a_i - r b_i)² / (sum b)²``, the ratio estimator's standard
    error (Cochran, Sampling Techniques, 3rd ed., 6.3). ``n`` is the number of cases, for instance tokens, in
    the texts. Raises NotApplicable for fewer than two texts or a denominator of zero.

    >>> ratio("x", np.array([1.0, 1.0]), np.array([2.0, 2.0]), n=2, unit="", better="higher").text
    '0.500 [0.500, 0.500]'
    """
    groups, whole = len(above), float(np.sum(below))
    if groups < 2 or whole == 0:
        raise NotApplicable(f"{metric} needs at least two texts and something to divide by")
    found = float(np.sum(above)) / whole
    left = np.asarray(above) - found * np.asarray(below)
    se = math.sqrt(groups / (groups - 1) * float((left**2).sum())) / abs(whole)
    reach = student_quantile(0.5 + LEVEL / 2, groups - 1) * se
    middle = 1 - found if one_minus else found
    return Score(metric, middle, middle - reach, middle + reach, n, unit, better, groups)
