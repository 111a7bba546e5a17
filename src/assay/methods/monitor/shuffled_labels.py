"""The mean difference with its labels shuffled."""

import numpy as np

from assay.access import WhiteHandle
from assay.core import Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import DEFAULT, SPACE, ActivationMonitor, family_rows
from assay.techniques.probes import mean_difference


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:
    """Deal the labels out anew before taking the difference."""
    read = family_rows(handle, brief, setting)
    labels = np.random.default_rng(seed).permutation(read.labels)
    return ActivationMonitor(mean_difference(read.rows, labels), setting["layer"])


METHOD = Method(
    title="Placebo: shuffled labels",
    job="monitor",
    kind="placebo",
    access=Access.WHITE,
    source="Control task after Hewitt & Liang 2019, Designing and Interpreting Probes with Control Tasks, "
    "arXiv 1909.03368",
    formula="w = mean h(random half of the texts) - mean h(other half), over both sides of the contrast "
    "pairs; score = w . h",
    does="The supervised probes with their idea taken out: same texts, same layer, but which text counts "
    "as alarming is decided by lot.",
    fit=fit,
    space=SPACE,
    default=DEFAULT,
    placebo_for=(
        "mean_difference_one_pair",
        "mean_difference_pairs",
        "logistic_probe",
        "lda_probe",
        "pca_reading",
    ),
)
