"""A probe on few features of a sparse dictionary."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import ActivationMonitor
from assay.methods.monitor._dictionary import DEPTH, FEW, k_sparse_monitor, learnt
from assay.techniques.dictionaries.at_layer import layer_at


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:
    """Train a dictionary of the middle layer, then a probe on ``k`` of its latents."""
    layer = layer_at(handle, DEPTH)
    return k_sparse_monitor(handle, brief, layer, learnt(handle, brief, layer, seed), setting["k"])


METHOD = Method(
    title="SAE probe (k-sparse)",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Kantamneni et al. 2025, Are Sparse Autoencoders Useful? A Case Study in Sparse Probing, arXiv "
    "2502.16681; choice of features: Gurnee et al. 2023, arXiv 2305.01610; dictionary: BatchTopK, Bussmann "
    "et al. 2024, arXiv 2412.06410",
    formula="f = sparse code of h; S = the k latents with largest |mean f(alarming) - mean f(harmless)|; "
    "minimise sum_i log(1 + exp(-y_i (w . z_i + b))) + |w|^2 / 2, z = standardised f_S; score = w . z + b",
    does="Learns from clean text which features the model's activations are made of, picks the few that "
    "tell alarming from harmless texts of generic pairs best, and flags texts in which they are on.",
    fit=fit,
    space={"k": FEW},
    default={"k": 8},
    text=UNTRIGGERED,
)
