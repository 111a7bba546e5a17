"""The reading vector of representation engineering."""

import numpy as np
from jaxtyping import Float

from assay.core.errors import BadOption
from assay.techniques.probes.linear import LinearProbe, finite_rows
from assay.techniques.probes.principal import leading_direction


def pca_reading(harmless: Float[np.ndarray, "n d"], alarming: Float[np.ndarray, "n d"]) -> LinearProbe:
    """First principal direction of the differences inside pairs, pointing from harmless to alarming.

    Zou et al., "Representation Engineering" (arXiv 2310.01405). The paper shuffles each pair's order and
    centres the differences. In expectation that equals the singular vector of the differences *not* centred,
    which is used here because it needs no random order; centring without shuffling would remove the very
    direction that all pairs share. The sign is the one under which most pairs are read correctly (ties:
    their mean).

    Raises:
        BadOption: if the two sides do not match in shape.

    >>> probe = pca_reading(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [3.0, 1.0]]))
    >>> probe.direction.round(6) + 0.0
    array([1., 0.])
    """
    low, high = finite_rows(harmless), finite_rows(alarming)
    if low.shape != high.shape:
        raise BadOption(f"pairs need two sides of equal shape; got {low.shape} and {high.shape}")
    direction = leading_direction(high - low)
    along = (high - low) @ direction
    votes = float(np.sign(along).sum()) or float(along.sum())
    direction = -direction if votes < 0 else direction
    middle = (low.mean(axis=0) + high.mean(axis=0)) / 2
    return LinearProbe(direction, float(-direction @ middle))
