"""The plain probe that did best on other organisms."""

from assay.access import WhiteHandle
from assay.core import Access, Answer, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._pool import PLAIN


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> Answer:
    """Fit the one probe that the setting names."""
    return PLAIN[setting["probe"]].fit(handle, brief, seed)


METHOD = Method(
    title="Pool of plain probes",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Kantamneni et al. 2025, Are Sparse Autoencoders Useful? A Case Study in Sparse Probing, arXiv "
    "2502.16681 (the pool of baselines)",
    formula="of logistic, LDA, mean difference, one pair, reading vector and Mahalanobis at 0.5 and 0.75 of "
    "depth, the one with the best mean AUROC on the select split of other organisms",
    does="Tries every plain probe on activations on other organisms and uses the winner here: what can be "
    "had without a dictionary, where nobody knows in advance which probe is best.",
    fit=fit,
    space={"probe": tuple(PLAIN)},
)
