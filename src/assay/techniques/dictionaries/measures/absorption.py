"""Absorption: a general latent that falls silent where a special one has taken over its direction."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assay.core.errors import NotApplicable
from assay.core.score import Score
from assay.metrics.proportion import proportion
from assay.techniques.dictionaries.dictionary import Dictionary
from assay.techniques.probes import k_sparse

FORMULA = (
    "share of tokens with the concept at which its main latents are all off, and one other latent, with "
    "cosine above .025 to the concept's direction, carries at least .4 of the code's projection on it"
)
_GAIN, _MOST = 0.03, 5
"""A further latent is a main one if the probe's F1 gains more than this; at most so many are looked at."""
_COSINE, _SHARE = 0.025, 0.4


@dataclass(frozen=True)
class Absorption:
    """For one concept."""

    main: tuple[int, ...]
    """Its latents."""
    absorbed: Score


def absorption(
    dictionary: Dictionary,
    fit: tuple[Float[Tensor, "n d"], Bool[Tensor, " n"]],
    report: tuple[Float[Tensor, "n d"], Bool[Tensor, " n"]],
    direction: Float[Tensor, " d"],
) -> Absorption:
    """Find a concept's main latents on some activations and count on others where they miss it.

    Chanin et al., "A is for Absorption" (arXiv 2409.14507), as SAEBench counts full absorption. The main
    latents are those of sparse probes, taken in as long as F1 gains. ``direction`` is the concept's, from a
    probe or from what was planted.

    Raises:
        NotApplicable: the concept is at no token that is counted, or its best latent is none to speak of.
    """
    main = _main(dictionary, *fit)
    x, labels = report
    code = dictionary.code(x[labels])
    if not int(labels.sum()):
        raise NotApplicable("the concept is at no token that could be absorbed")
    f, unit = code.dense(), torch.nn.functional.normalize(direction.to(x), dim=0)
    along = dictionary.decoder @ unit
    shares = f * along
    whole = shares.sum(1)
    silent = (f[:, list(main)] == 0).all(1)
    largest = shares.max(1)
    cosine = (along / dictionary.decoder.norm(dim=1).clamp_min(1e-9))[largest.indices]
    taken = silent & (cosine > _COSINE) & (largest.values >= _SHARE * whole) & (whole > 0)
    return Absorption(main, proportion("absorbed", int(taken.sum()), int(labels.sum()), better="lower"))


def _main(dictionary: Dictionary, x: Tensor, labels: Tensor) -> tuple[int, ...]:
    """The latents of the sparsest probe that a further latent does not make much better."""
    f, truth = dictionary.code(x).dense().cpu().double().numpy(), labels.cpu().numpy()
    best, main = 0.0, ()
    for k in range(1, _MOST + 1):
        probe = k_sparse(f, truth, k)
        found = _f1(probe.scores(f) > 0, truth)
        if found - best <= _GAIN:
            break
        best, main = found, tuple(int(n) for n in np.flatnonzero(probe.direction))
    if not main:
        raise NotApplicable("no latent tells the concept at all, so there is nothing to absorb")
    return main


def _f1(said: np.ndarray, truth: np.ndarray) -> float:
    return 2 * float((said & truth).sum()) / max(float(said.sum() + truth.sum()), 1.0)
