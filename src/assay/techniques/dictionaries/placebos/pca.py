"""Principal components: the best that directions can do which know nothing of sparsity."""

import torch
from jaxtyping import Float
from torch import Tensor

from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.rules import KeepLargest


def pca(sample: Float[Tensor, "n d"], k: int) -> Dictionary:
    """Both ends of each principal component, so that a latent may be on for either; the ``k`` largest are."""
    centre = sample.mean(0)
    _, vectors = torch.linalg.eigh((sample - centre).T @ (sample - centre))
    rows = vectors.T.flip(0)
    decoder = torch.cat([rows, -rows])
    return Dictionary(
        decoder, decoder, sample.new_zeros(len(decoder)), centre, KeepLargest(k), {"kind": "pca"}
    )
