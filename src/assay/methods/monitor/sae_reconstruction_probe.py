"""The logistic probe on what a sparse dictionary keeps of the activations."""

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import ActivationMonitor
from assay.methods.monitor._dictionary import DEPTH, Through, learnt, pairs_through, reconstruction
from assay.methods.monitor.logistic_probe import L2
from assay.techniques.dictionaries.at_layer import layer_at
from assay.techniques.probes import logistic


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:  # noqa: ARG001
    """Train a dictionary of the middle layer, then a probe on the activations as it tells them."""
    layer = layer_at(handle, DEPTH)
    dictionary = learnt(handle, brief, layer, seed)
    read = pairs_through(handle, brief, layer, dictionary, reconstruction)
    probe = logistic(read.rows, read.labels, l2=L2)
    return ActivationMonitor(Through(dictionary, reconstruction, probe), layer)


METHOD = Method(
    title="Logistic probe on the SAE's reconstruction",
    job="monitor",
    kind="method",
    access=Access.WHITE,
    source="Kantamneni et al. 2025, Are Sparse Autoencoders Useful? A Case Study in Sparse Probing, arXiv "
    "2502.16681; dictionary: BatchTopK, Bussmann et al. 2024, arXiv 2412.06410",
    formula="r = what the dictionary makes of h: sum of its latents that are on, times their directions; "
    "minimise sum_i log(1 + exp(-y_i (w . z_i + b))) + 5 |w|^2, z = standardised r; score = w . z + b",
    does="Trains the logistic probe on the activations as a sparse dictionary of clean text tells them, "
    "which shows how much of the alarm the dictionary loses.",
    fit=fit,
    text=UNTRIGGERED,
)
