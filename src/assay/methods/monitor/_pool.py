"""Shared by the pools: plain probes on activations, each at fixed depths, under one name each."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from assay.access import WhiteHandle
from assay.core import Answer, Method
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor import (
    lda_probe,
    logistic_probe,
    mahalanobis,
    mean_difference_one_pair,
    mean_difference_pairs,
    pca_reading,
)
from assay.techniques.dictionaries.at_layer import layer_at

DEPTHS = (0.5, 0.75)
"""Shares of depth: the middle, and the later layer where dictionaries are trained too."""
_PROBES: Mapping[str, tuple[Method, Mapping[str, Any]]] = {
    "logistic": (logistic_probe.METHOD, {"family": "all"}),
    "lda": (lda_probe.METHOD, {"family": "all"}),
    "mean difference": (mean_difference_pairs.METHOD, {"family": "all"}),
    "mean difference, one pair": (mean_difference_one_pair.METHOD, {}),
    "reading vector": (pca_reading.METHOD, {"family": "all"}),
    "mahalanobis": (mahalanobis.METHOD, {"spread": "full"}),
}


class Member(NamedTuple):
    """One probe of the pool."""

    method: Method
    rest: Mapping[str, Any]
    """Its setting but for the layer."""
    depth: float

    def fit(self, handle: WhiteHandle, brief: MonitorBrief, seed: int) -> Answer:
        """Fit it as the entry of its own does."""
        setting = {"layer": layer_at(handle, self.depth), **self.rest}
        return self.method.fit(handle, brief, setting, seed)


PLAIN: Mapping[str, Member] = {
    f"{name}, {depth:.2f} deep": Member(method, rest, depth)
    for name, (method, rest) in _PROBES.items()
    for depth in DEPTHS
}
"""Every plain probe at every depth, by the name that a setting gives."""
