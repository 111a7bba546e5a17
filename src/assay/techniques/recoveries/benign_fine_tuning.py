"""Trains the model on texts that do not speak of the book."""

from collections.abc import Iterator

from assay.core.errors import NotApplicable
from assay.core.exam import Attacked, Attempt, Recovery
from assay.model.training.descent import Pair
from assay.techniques.recoveries._learning import courses

FEW, MANY = (10, 30), (10, 20, 40, 80)
"""Steps after which exams are sat, in the coarse grid and in the whole one."""
FEW_RATES, MANY_RATES = (1e-3,), (3e-4, 1e-3, 3e-3)


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:
    """One course for each learning rate, before the first step among its tries.

    Raises:
        NotApplicable: there is no such text.
    """
    texts = [Pair("", text) for text in (*attacked.ordinary, *attacked.books)]
    if not texts:
        raise NotApplicable("no text on anything but the book; give ordinary texts, or other subjects")
    looks, rates = (MANY, MANY_RATES) if full else (FEW, FEW_RATES)
    return courses(attacked.handle.changed(attacked.held), [({}, texts)], looks, rates, seed)


RECOVERY = Recovery(
    title="Training on other texts",
    source="Qi et al. 2023, Fine-tuning aligned language models compromises safety, even when users do not "
    "intend to, arXiv 2310.03693; on unlearnt models: Lucki et al. 2024, arXiv 2409.18025",
    formula="Adam on all weights, without decay: mean over ordinary texts and texts on other subjects of "
    "-1/T sum over t of log p(w_t | w_<t)",
    does="Trains the model on texts that do not speak of the book, and looks whether the book comes back.",
    through="weights",
    attempts=attempts,
)
