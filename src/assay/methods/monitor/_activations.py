"""Shared by the monitors that read activations: where they look, and which contrast pairs they learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Bool, Float

from assay.access import WhiteHandle
from assay.core import LAYERS, Monitor, Setting, Transcript
from assay.core.errors import NotApplicable
from assay.jobs.monitor import MonitorBrief, Pair

FAMILIES = (0, 1, 2, "all")
"""Which family of contrast pairs to learn from: the first, second or third that the brief holds, or all of
them.

Where there are fewer families, numbers count round from the start.
"""
SPACE = {"layer": LAYERS, "family": FAMILIES}
DEFAULT = {"layer": 0.5, "family": 0}


class Probe(Protocol):
    """Anything that turns activations into one number each."""

    def scores(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """Score each row."""
        ...


@dataclass(frozen=True, eq=False)
class ActivationMonitor(Monitor):
    """Reads the residual stream after one block, at a transcript's last token, and applies a probe to it."""

    probe: Probe
    layer: int

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:
        """Score each transcript where the model stands now."""
        if not transcripts:
            return np.zeros(0)
        return self.probe.scores(last_token(handle, transcripts, self.layer))


def last_token(
    handle: WhiteHandle, transcripts: Sequence[Transcript], layer: int
) -> Float[np.ndarray, "n d"]:
    """Residual stream after block ``layer`` (from 1) at the last token of each transcript."""
    found = handle.activations([t.text for t in transcripts], [layer])
    return found[:, 0].double().cpu().numpy()


@dataclass(frozen=True, eq=False)
class PairRows:
    """Activations of contrast pairs, row i of both sides belonging to one pair."""

    harmless: Float[np.ndarray, "n d"]
    alarming: Float[np.ndarray, "n d"]

    @property
    def rows(self) -> Float[np.ndarray, "both d"]:
        """Both sides, harmless first."""
        return np.concatenate([self.harmless, self.alarming])

    @property
    def labels(self) -> Bool[np.ndarray, " both"]:
        """True for the alarming side."""
        return np.repeat([False, True], len(self.harmless))


def pair_rows(handle: WhiteHandle, pairs: Sequence[Pair], layer: int) -> PairRows:
    """Read both sides of each pair, in one call."""
    read = last_token(handle, [t for pair in pairs for t in pair], layer)
    return PairRows(read[0::2], read[1::2])


def family_rows(handle: WhiteHandle, brief: MonitorBrief, setting: Setting) -> PairRows:
    """Read the contrast pairs that the setting names, each family centred on its own mean.

    Centring leaves a probe's direction alone for one family; for several it removes what the families are
    about.

    Raises:
        NotApplicable: if the brief holds no contrast pairs.
    """
    chosen = chosen_families(brief, setting["family"])
    return centred([pair_rows(handle, pairs, setting["layer"]) for pairs in chosen])


def centred(families: Sequence[PairRows]) -> PairRows:
    """Families one behind the other, each less its own mean."""
    means = [family.rows.mean(axis=0) for family in families]
    return PairRows(
        np.concatenate([family.harmless - mean for family, mean in zip(families, means, strict=True)]),
        np.concatenate([family.alarming - mean for family, mean in zip(families, means, strict=True)]),
    )


def chosen_families(brief: MonitorBrief, family: int | str) -> list[tuple[Pair, ...]]:
    """The pairs of one family by number, or of every family."""
    families = [pairs for pairs in brief.pairs.values() if pairs]
    if not families:
        raise NotApplicable(
            "the brief holds no contrast pairs, so there is nothing to learn a direction from"
        )
    return families if isinstance(family, str) else [families[family % len(families)]]
