"""What a dictionary's reconstruction costs the model that it is put into."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from assay.core.score import Score
from assay.metrics.ratio import ratio
from assay.model.changing.change import Change, assign, changed
from assay.model.engine import Engine
from assay.model.sites.moment import Moment
from assay.model.sites.site import Site
from assay.techniques.dictionaries.dictionary import Dictionary

FORMULAS = {
    "recovered_from_zero": "(CE_zero - CE_dictionary) / (CE_zero - CE_clean)",
    "recovered_from_mean": "(CE_mean - CE_dictionary) / (CE_mean - CE_clean), the stricter: the mean costs "
    "less than zero",
    "nats_lost": "CE_dictionary - CE_clean, per token",
}


@dataclass(frozen=True)
class LossRecovered:
    """Scores whose intervals take texts as what varies; ``FORMULAS`` says how each is computed."""

    recovered_from_zero: Score
    recovered_from_mean: Score
    nats_lost: Score


def loss_recovered(
    engine: Engine, dictionary: Dictionary, site: str | Site, texts: Sequence[str], mean: Float[Tensor, " d"]
) -> LossRecovered:
    """Put reconstructions, zeros or the mean in place of a site at every token but the beginning ones.

    CE is the sum of ``-log p(token | before)`` over a text. ``mean`` is that of the site over tokens, from
    other texts or these.

    Raises:
        BadOption: a site that the model lacks or that the dictionary does not fit.
        NotApplicable: fewer than two texts.
    """
    name, at = Site.parse(site), slice(len(engine.prefix), None)

    def reconstruct(x: Tensor, _: Moment) -> Tensor:
        flat = x.reshape(-1, dictionary.width)
        return dictionary.reconstructed(flat).reshape(x.shape)

    clean = _losses(engine, texts)
    ours = _losses(engine, texts, Change(name, reconstruct, at))
    zero = _losses(engine, texts, assign(name, torch.zeros_like(mean), at))
    by_mean = _losses(engine, texts, assign(name, mean, at))
    tokens = np.array(engine.lengths(texts)) - 1.0
    n = int(tokens.sum())

    def recovered(metric: str, ablated: np.ndarray) -> Score:
        return ratio(metric, ablated - ours, ablated - clean, n=n, unit="share", better="higher")

    return LossRecovered(
        recovered("recovered_from_zero", zero),
        recovered("recovered_from_mean", by_mean),
        ratio("nats_lost", ours - clean, tokens, n=n, unit="nats", better="lower"),
    )


def _losses(engine: Engine, texts: Sequence[str], *changes: Change) -> Float[np.ndarray, " texts"]:
    with changed(engine, *changes):
        return np.array([-float(values.double().sum()) for values in engine.token_logprobs(texts)])
