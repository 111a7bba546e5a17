"""A probe on few features: how much of a concept sits in single directions."""

import numpy as np
from jaxtyping import Bool, Float

from assay.core.errors import BadOption
from assay.techniques.probes.linear import LinearProbe, two_classes
from assay.techniques.probes.logistic import logistic


def k_sparse(
    x: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, " n"], k: int, l2: float = 1.0
) -> LinearProbe:
    """Logistic regression on the ``k`` features whose class means differ most; all others weigh nothing.

    Gurnee et al., "Finding Neurons in a Haystack" (arXiv 2305.01610), as SAEBench and "Are Sparse
    Autoencoders Useful?" (arXiv 2502.16681) use it. The features are chosen on these rows, so scores are to
    be read on others. Raises BadOption for ``k`` below 1.

    >>> probe = k_sparse(np.array([[0.0, 1.0], [9.0, 1.1], [1.0, 1.0]]), np.array([False, True, False]), k=1)
    >>> float(probe.direction[1])
    0.0
    """
    if k < 1:
        raise BadOption(f"a probe on {k} features is none; give k of 1 or more")
    high, low = two_classes(x, labels)
    gap = np.abs(high.mean(axis=0) - low.mean(axis=0))
    # stable, so that features that differ alike are taken in their order
    chosen = np.argsort(-gap, kind="stable")[:k]
    few = logistic(np.asarray(x, dtype=np.float64)[:, chosen], labels, l2=l2)
    direction = np.zeros(np.shape(x)[1])
    direction[chosen] = few.direction
    return LinearProbe(direction, few.offset)
