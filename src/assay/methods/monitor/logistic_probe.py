"""Logistic regression on the activations of contrast pairs."""

from assay.access import WhiteHandle
from assay.core import Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import DEFAULT, SPACE, ActivationMonitor, family_rows
from assay.techniques.probes import logistic

L2 = 10.0
"""Strength of the penalty on standardised features; that of the source."""


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:  # noqa: ARG001
    """Learn to tell the two sides of the chosen family apart."""
    read = family_rows(handle, brief, setting)
    return ActivationMonitor(logistic(read.rows, read.labels, l2=L2), setting["layer"])


METHOD = Method(
    title="Logistic probe",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Goldowsky-Dill et al. 2025, Detecting Strategic Deception Using Linear Probes, arXiv 2502.03407; "
    "probing classifiers: Alain & Bengio 2016, arXiv 1610.01644",
    formula="minimise sum_i log(1 + exp(-y_i (w . z_i + b))) + 5 |w|^2, z = standardised h, y = +1 alarming, "
    "-1 harmless; score = w . z + b",
    does="Trains a linear classifier to tell alarming from harmless texts of generic pairs by the model's "
    "activations, and flags texts that it would call alarming.",
    fit=fit,
    space=SPACE,
    default=DEFAULT,
)
