"""What a method returns."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.core.transcript import Transcript


class Answer(ABC):  # noqa: B024 - a family of unlike things: a finding, a monitor, a change
    """Anything that a method may return: a finding, a monitor, or a change."""


class Monitor(Answer):
    """Watches a model as it runs: one number for each transcript, higher for more alarming.

    A transcript ends where the model stands now. The monitor therefore cannot see what is still to be
    written. It must not depend on the other transcripts of the batch: the job may send them in any grouping.
    """

    @abstractmethod
    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, " n"]:
        """Score each transcript; all numbers must be finite."""
