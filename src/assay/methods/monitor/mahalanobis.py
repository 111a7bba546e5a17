"""How unlike ordinary activations the present ones are."""

from assay.access import WhiteHandle
from assay.core import LAYERS, Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import ActivationMonitor, last_token
from assay.techniques import probes


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:  # noqa: ARG001
    """Fit mean and spread of the activations on ordinary chat."""
    ordinary = last_token(handle, brief.ordinary, setting["layer"])
    return ActivationMonitor(probes.mahalanobis(ordinary, setting["spread"]), setting["layer"])


METHOD = Method(
    title="Mahalanobis distance to ordinary chat",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Lee et al. 2018, A simple unified framework for detecting out-of-distribution samples, arXiv "
    "1807.03888; shrinkage: Ledoit & Wolf 2004, doi 10.1016/S0047-259X(03)00096-4",
    formula="score = sqrt((h - m)' inverse(S) (h - m)), m and S = mean and shrunk covariance (or its "
    "diagonal) of h on ordinary chat",
    does="Learns what the model's activations look like in ordinary chat and flags any that lie unusually "
    "far away; it needs no contrast pairs and no idea of what is alarming.",
    fit=fit,
    space={"layer": LAYERS, "spread": ("full", "diagonal")},
    default={"layer": 0.5},
)
