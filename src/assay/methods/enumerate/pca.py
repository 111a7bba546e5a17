"""Principal components in place of learnt directions."""

import torch

from assay.access import WhiteHandle
from assay.core import UNTRIGGERED, Access, Features, Method, Setting
from assay.jobs.enumerate import EnumerateBrief
from assay.methods.enumerate._features import K, layer_of, listed, rows_of
from assay.techniques.dictionaries.placebos.pca import pca


def fit(handle: WhiteHandle, brief: EnumerateBrief, setting: Setting, seed: int) -> Features:  # noqa: ARG001
    """Find the components, and list both ends of each."""
    rows = torch.cat(rows_of(handle, brief.text, layer_of(handle), "own"))
    return listed(handle, pca(rows, K), "own", rows)


METHOD = Method(
    title="Placebo: principal components",
    job="enumerate",
    kind="placebo",
    access=Access.WHITE,
    source="Hotelling 1933, doi 10.1037/h0071325",
    formula="code = the k largest of ReLU(+-V (x - mean)), V the eigenvectors of the covariance",
    does="Shows what directions find that know the spread of the activations and nothing of sparsity.",
    fit=fit,
    text=UNTRIGGERED,
)
