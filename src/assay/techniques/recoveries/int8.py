"""Rounds every matrix to 8 bits."""

from collections.abc import Iterator
from functools import partial

from assay.core.exam import Attacked, Attempt, Recovery
from assay.techniques.rounding import coarse
from assay.techniques.sitting import sit

BITS = 8


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:  # noqa: ARG001
    """One try."""
    held = attacked.handle.changed(attacked.held)
    yield Attempt({"bits": BITS}, partial(sit, coarse(held, BITS)))


RECOVERY = Recovery(
    title="Rounding to 8 bits",
    source="Zhang et al. 2024, Catastrophic failure of LLM unlearning via quantization, arXiv 2410.16454",
    formula="w^ = s round(w / s), s = max over the row of |w| / (2^(b-1) - 1), b = 8, of every matrix",
    does="Rounds every matrix of the model to 8 bits: a change that is smaller than a step is lost.",
    through="weights",
    attempts=attempts,
)
