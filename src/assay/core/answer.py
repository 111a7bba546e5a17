"""What a method returns."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.core.transcript import Transcript


class Answer(ABC):  # noqa: B024 - a family of unlike things: a finding, a monitor, a change
    """Anything that a method may return: a finding, a monitor, or a change."""


class Features(Answer):
    """A finding: what a model represents, feature by feature, each read at every word of a text.

    Features are numbered in the order in which a searcher without labels would look at them.
    """

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of features."""

    @abstractmethod
    def activity(self, handle: Any, texts: Sequence[str]) -> Iterator[Float[np.ndarray, "words features"]]:
        """How much each feature is on at each word (``text.split()``) of each text: 0 is off, never below.

        A word may depend on what stands before it in its text, never on other texts.
        """

    def sheet(self, handle: Any, features: Sequence[int]) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """What else a reader may want to know of some features, as plain data under fixed names.

        ``raised`` and ``lowered``: lists of (token, change of its logit) that the feature brings about.
        """
        return [{} for _ in features]

    def measures(self, handle: Any, texts: Sequence[str]) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """How well the features give back what they were made from, as plain data under fixed names.

        ``metric``, ``estimate``, ``low``, ``high``, ``n``, ``unit`` of a score, and its ``formula``.
        """
        return ()


class Monitor(Answer):
    """Watches a model as it runs: one number for each transcript, higher for more alarming.

    A transcript ends where the model stands now. The monitor therefore cannot see what is still to be
    written. It must not depend on the other transcripts of the batch: the job may send them in any grouping.
    """

    @abstractmethod
    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:
        """Score each transcript; all numbers must be finite."""
