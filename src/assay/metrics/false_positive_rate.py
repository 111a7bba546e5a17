"""Share of harmless cases that raise an alarm."""

import numpy as np
from jaxtyping import Float

from assay.core import Score
from assay.core.errors import NotApplicable
from assay.metrics.proportion import clopper_pearson


def false_positive_rate(negatives: Float[np.ndarray, " n"], threshold: float) -> Score:
    """Share of negatives with ``score > threshold``, with the exact interval of Clopper and Pearson.

    The negatives must be others than those that set the threshold.

    >>> false_positive_rate(np.array([0.0, 1.0, 2.0, 3.0]), 2.5).estimate
    0.25
    """
    if not len(negatives):
        raise NotApplicable("a false-positive rate needs at least one negative")
    alarms = int((negatives > threshold).sum())
    low, high = clopper_pearson(alarms, len(negatives))
    share = alarms / len(negatives)
    return Score("false_positive_rate", share, low, high, n=len(negatives), unit="share", better="lower")
