"""A method in one file. This file is one: ``assay check`` takes it, and so does ``assay run --method``."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.access import GreyHandle
from assay.core import Access, Method, Monitor, Transcript
from assay.testing import check_method


@dataclass(frozen=True)
class Surprise(Monitor):
    """Scores a transcript by how unlikely the model finds its last tokens."""

    last: int

    def score(self, handle: GreyHandle, transcripts: Sequence[Transcript]) -> np.ndarray:  # noqa: D102
        rows = handle.token_logprobs([t.text for t in transcripts])
        return np.array([-float(row[-self.last :].sum()) for row in rows])


METHOD = Method(
    title="Surprise at the last tokens",
    job="monitor",
    kind="method",
    access=Access.GREY,
    source="an example of this repository",
    formula="score = - sum of log p(token) over the last k tokens",
    does="Alarms where the model has just read or written something that it did not expect.",
    fit=lambda handle, brief, setting, seed: Surprise(setting["last"]),  # noqa: ARG005
    space={"last": (1, 4, 16)},
)

if __name__ == "__main__":
    for line in check_method(__file__):
        print("kept  " if line.passed else "BROKEN", line.name, line.reason)
