"""The k-sparse probe on a dictionary of random directions."""

import torch

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Method, Setting
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import ActivationMonitor
from assay.methods.monitor._dictionary import DEPTH, FEW, PER_WIDTH, k_sparse_monitor, read_texts
from assay.techniques.dictionaries.at_layer import layer_at, text_rows
from assay.techniques.dictionaries.placebos.random_frozen import random_frozen

ON = 16
"""Latents that are on in each row: as many as in the trained dictionary on average."""


def fit(handle: WhiteHandle, brief: MonitorBrief, setting: Setting, seed: int) -> ActivationMonitor:
    """Draw a dictionary for the same text, and train the same probe on it."""
    layer = layer_at(handle, DEPTH)
    sample = torch.cat(text_rows(handle, read_texts(brief), layer))
    dictionary = random_frozen(sample, PER_WIDTH * handle.width, ON, seed)
    return k_sparse_monitor(handle, brief, layer, dictionary, setting["k"])


METHOD = Method(
    title="Placebo: k-sparse probe on random features",
    job="monitor",
    kind="placebo",
    access=Access.WHITE,
    source="Frozen random dictionary as in Karvonen et al. 2025, SAEBench, arXiv 2503.09532, and Heap et al. "
    "2025, arXiv 2501.17727; probe: Kantamneni et al. 2025, arXiv 2502.16681",
    formula="f = the 16 largest of D (h - mean h), D = random unit rows, 4 for each dimension; then as the "
    "SAE probe: logistic regression on the k latents with largest difference of class means",
    does="The SAE probe with its idea taken out: as many features and as few of them on, but their "
    "directions are drawn by lot and learn nothing from the text.",
    fit=fit,
    space={"k": FEW},
    default={"k": 8},
    text=UNTRIGGERED,
    placebo_for=("sae_probe", "sae_reconstruction_probe"),
)
