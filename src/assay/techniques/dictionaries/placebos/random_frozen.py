"""Random directions: what sparsity alone does."""

from jaxtyping import Float
from torch import Generator, Tensor, nn, randn, zeros

from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.dictionaries.rules import KeepLargest


def random_frozen(sample: Float[Tensor, "n d"], latents: int, k: int, seed: int = 0) -> Dictionary:
    """Unit rows drawn at random, read by themselves; the ``k`` largest are on. Nothing is trained."""
    rows = randn(latents, sample.shape[1], generator=Generator().manual_seed(seed)).to(sample)
    decoder = nn.functional.normalize(rows)
    about = {"kind": "random_frozen", "seed": seed}
    return Dictionary(decoder, decoder, zeros(latents).to(sample), sample.mean(0), KeepLargest(k), about)
