"""The reading vector of representation engineering."""

from assay.access import WhiteHandle
from assay.core import Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import DEFAULT, SPACE, ActivationMonitor, family_rows
from assay.techniques import probes


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:  # noqa: ARG001
    """Find the direction that the differences inside the chosen pairs share."""
    read = family_rows(handle, brief, setting)
    return ActivationMonitor(probes.pca_reading(read.harmless, read.alarming), setting["layer"])


METHOD = Method(
    title="Reading vector (PCA of differences)",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Zou et al. 2023, Representation Engineering, arXiv 2310.01405",
    formula="w = first right singular vector of the rows h(alarming_i) - h(harmless_i), turned so that "
    "most pairs are read correctly; score = w . h",
    does="Looks for the one direction along which the two sides of generic pairs differ most, and flags "
    "texts that lie towards its alarming end.",
    fit=fit,
    space=SPACE,
    default=DEFAULT,
)
