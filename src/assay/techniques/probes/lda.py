"""Linear discriminant analysis: the mean difference, corrected for how the classes spread."""

import numpy as np
from jaxtyping import Bool, Float

from assay.techniques.probes.linear import LinearProbe, two_classes
from assay.techniques.probes.shrunk_covariance import ledoit_wolf


def lda(x: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, " n"]) -> LinearProbe:
    """Direction that separates the means best relative to the pooled spread inside the classes.

    ``w = inverse(Sigma) (mean(x | true) - mean(x | false))``, with Sigma the pooled within-class covariance,
    shrunk after Ledoit and Wolf. Fisher 1936; called mass-mean probe with covariance in "The Geometry of
    Truth" (arXiv 2310.06824). Where nothing varies inside the classes it equals the mean difference.

    >>> x = np.array([[0.0, 0.0], [0.0, 8.0], [1.0, 0.0], [1.0, 8.0]])
    >>> direction = lda(x, np.array([False, False, True, True])).direction
    >>> bool(direction[0] > 0), round(float(direction[1]), 6)
    (True, 0.0)
    """
    alarming, harmless = two_classes(x, labels)
    high, low = alarming.mean(axis=0), harmless.mean(axis=0)
    spread = ledoit_wolf(np.concatenate([alarming - high, harmless - low]))
    direction = spread.solve((high - low)[None])[0]
    return LinearProbe(direction, float(-direction @ (high + low) / 2))
