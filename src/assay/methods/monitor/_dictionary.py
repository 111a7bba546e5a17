"""Shared by the monitors that read activations through a sparse dictionary of the model's own text."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from assay.access import WhiteHandle
from assay.core.errors import BadOption, NotApplicable
from assay.jobs.monitor import MonitorBrief
from assay.methods.monitor._activations import (
    ActivationMonitor,
    PairRows,
    centred,
    chosen_families,
    pair_rows,
)
from assay.techniques.dictionaries import Dictionary
from assay.techniques.dictionaries.at_layer import at_layer
from assay.techniques.probes import LinearProbe, k_sparse

WORDS = 15_000
"""Words of text that a dictionary learns from; what is told beyond them is left.

Training asks that each of 640 latents be on a thousand times, and three rounds through these words give it
that. Reading and training take two seconds of one core for the embedded base, which every setting pays anew.
"""
PER_WIDTH = 4
"""Latents for each dimension of the residual stream."""
DEPTH = 0.75
"""The layer of the dictionary as a share of depth: one only, since each would need its own training.

At half the depth these probes stood at chance on the select splits of every organism.
"""
FEW = (1, 8, 64)
"""Numbers of latents that a probe may read."""

Rows = Float[np.ndarray, "n d"]
Look = Callable[[Dictionary, Rows], Rows]
"""What a probe is given in place of activations."""


@dataclass(frozen=True, eq=False)
class Through:
    """A linear probe on what a dictionary makes of activations."""

    dictionary: Dictionary
    look: Look
    probe: LinearProbe

    def scores(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Score each row of activations."""
        return self.probe.scores(self.look(self.dictionary, x))


def learnt(handle: WhiteHandle, brief: MonitorBrief, layer: int, seed: int) -> Dictionary:
    """A BatchTopK dictionary of the first ``WORDS`` words of the text told.

    Raises:
        NotApplicable: there is no text, or too little for a batch.
    """
    texts = read_texts(brief)
    try:
        return at_layer(handle, texts, layer, PER_WIDTH * handle.width, seed)
    except BadOption as error:
        raise NotApplicable(f"no dictionary can be trained on the text told: {error}") from error


def read_texts(brief: MonitorBrief) -> list[str]:
    """Whole texts from the first until they hold ``WORDS`` words; raises NotApplicable if there are none."""
    if not brief.text:
        raise NotApplicable("the brief holds no text of the model's kind, so no dictionary can be trained")
    before = np.cumsum([0, *(len(text.split()) for text in brief.text)])[:-1]
    return [text for text, words in zip(brief.text, before, strict=True) if words < WORDS]


def latents(dictionary: Dictionary, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n latent"]:
    """How much each latent is on in each row."""
    codes = [code.dense() for _, code in dictionary.codes(torch.from_numpy(x))]
    return torch.cat(codes).double().numpy()


def reconstruction(dictionary: Dictionary, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Each row as the dictionary tells it."""
    return dictionary.reconstructed(torch.from_numpy(x)).numpy()


def pairs_through(
    handle: WhiteHandle, brief: MonitorBrief, layer: int, dictionary: Dictionary, look: Look
) -> PairRows:
    """All contrast pairs as the dictionary shows them, each family centred on its own mean as shown.

    Centring comes after the dictionary: it was trained on activations as they are. Raises NotApplicable if
    the brief holds no contrast pairs.
    """
    read = [pair_rows(handle, pairs, layer) for pairs in chosen_families(brief, "all")]
    return centred([PairRows(look(dictionary, r.harmless), look(dictionary, r.alarming)) for r in read])


def k_sparse_monitor(
    handle: WhiteHandle, brief: MonitorBrief, layer: int, dictionary: Dictionary, k: int
) -> ActivationMonitor:
    """A probe on the ``k`` latents that tell the two sides of the contrast pairs apart best."""
    read = pairs_through(handle, brief, layer, dictionary, latents)
    return ActivationMonitor(Through(dictionary, latents, k_sparse(read.rows, read.labels, k)), layer)
