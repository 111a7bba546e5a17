"""Directions and distances in activation space, as pure mathematics on arrays."""

from assay.techniques.probes.k_sparse import k_sparse
from assay.techniques.probes.lda import lda
from assay.techniques.probes.linear import LinearProbe
from assay.techniques.probes.logistic import logistic, logistic_objective
from assay.techniques.probes.mahalanobis import Mahalanobis, mahalanobis
from assay.techniques.probes.mean_difference import mean_difference
from assay.techniques.probes.pca_reading import pca_reading
from assay.techniques.probes.random_directions import auroc_of_each, random_probes, unit_directions
from assay.techniques.probes.shrunk_covariance import ShrunkCovariance, ledoit_wolf
from assay.techniques.probes.side import SIDES, Side, sided
from assay.techniques.probes.top_pc import top_pc

__all__ = [
    "SIDES",
    "LinearProbe",
    "Mahalanobis",
    "ShrunkCovariance",
    "Side",
    "auroc_of_each",
    "k_sparse",
    "lda",
    "ledoit_wolf",
    "logistic",
    "logistic_objective",
    "mahalanobis",
    "mean_difference",
    "pca_reading",
    "random_probes",
    "sided",
    "top_pc",
    "unit_directions",
]
