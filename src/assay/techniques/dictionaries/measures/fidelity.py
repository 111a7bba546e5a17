"""How well a dictionary gives activations back, and with how many latents."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.score import Score
from assay.metrics.proportion import proportion
from assay.metrics.ratio import ratio
from assay.techniques.dictionaries.dictionary import Dictionary

FORMULAS = {
    "l0": "mean over tokens of the number of latents that are on, with the rule of use and not of training",
    "variance_explained": "1 - sum |x - x^|^2 / sum |x - mean x|^2, mean over all tokens: the mean predictor "
    "scores 0",
    "reconstruction_bias": "sum |x^|^2 / sum x . x^; below 1: what comes back is too small",
    "dead_latents": "share of latents that are on at no token",
}


@dataclass(frozen=True)
class Fidelity:
    """Scores whose intervals take texts as what varies; ``FORMULAS`` says how each is computed."""

    l0: Score
    variance_explained: Score
    reconstruction_bias: Score
    dead_latents: Score


def fidelity(dictionary: Dictionary, texts: Iterable[Float[Tensor, "t d"]]) -> Fidelity:
    """Measure on the activations of some texts, one tensor each, padding and beginning tokens left out.

    Raises:
        NotApplicable: fewer than two texts.
        BadOption: activations that do not fit the dictionary or hold NaN.
    """
    rows: list[list[float]] = []
    sums, fired = (
        torch.zeros(dictionary.width, dtype=torch.float64),
        torch.zeros(dictionary.latents, dtype=torch.bool),
    )
    for x in texts:
        counts = np.zeros(6)
        for given, code in dictionary.codes(x):
            back = dictionary.decoded(code).double()
            part = given.to(back)
            sums += part.sum(0).cpu()
            fired |= code.fired().cpu()
            counts += [
                len(part),
                len(code.values),
                float((part - back).pow(2).sum()),
                float(part.pow(2).sum()),
                float(back.pow(2).sum()),
                float((part * back).sum()),
            ]
        mine = x.double().sum(0).cpu()
        rows.append([*counts, *mine.tolist()])
    return _scored(np.array(rows), sums.numpy(), fired.numpy())


def _scored(rows: np.ndarray, sums: np.ndarray, fired: np.ndarray) -> Fidelity:
    tokens, on, lost, squares, back, both = rows[:, :6].T
    n = int(tokens.sum())
    mean = sums / n
    # |x - mean|^2 summed over a text, from its sums
    spread = squares - 2 * rows[:, 6:] @ mean + tokens * float(mean @ mean)
    dead = int((~fired).sum())
    return Fidelity(
        ratio("l0", on, tokens, n=n, unit="latents", better="lower"),
        ratio("variance_explained", lost, spread, n=n, unit="share", better="higher", one_minus=True),
        ratio("reconstruction_bias", back, both, n=n, unit="ratio", better="higher"),
        proportion("dead_latents", dead, len(fired), better="lower"),
    )
