"""What must hold of a book before a tool is scored: its model knows it, and who never read it does not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.core import Change, Curriculum, ProofLine
from assay.core.errors import NotApplicable
from assay.core.exam import FORMS
from assay.jobs._unlearn_judging import Examiner, Marks, Recovered, stored
from assay.metrics.above_chance import above_chance
from assay.metrics.proportion import proportion
from assay.techniques.sitting import sit

FULL = 0.95
"""Share of its exam that an untouched model must answer."""
LEAK = "lower end of the interval of the credit above chance"


@dataclass(frozen=True)
class Proof:
    """The lines of the card, and what everybody scored, by the names of arrays of a run."""

    lines: tuple[ProofLine, ...]
    reference: Mapping[str, np.ndarray]


def knows(handle: Any, book: Curriculum) -> dict[tuple[str, str], bool]:
    """Whether the model as it is gives the right answer: (item, form) -> said in a greedy reply."""
    sheet = sit(handle, book.questions)
    return {(q.item, q.form): bool(row[1]) for q, row in zip(book.questions, sheet, strict=True)}


def prove(handle: Any, book: Curriculum, *, required: bool) -> Proof:
    """Sit all exams with the untouched model, and all exams after every recovery with the retrained ones.

    A retrained model knows nothing of the book. Where it scores above chance after a recovery, the recovery
    tells the answers, or the exam does, and nothing that comes of it would count: the line fails, and with it
    the book. ``required`` is False where nobody chose what the model should know.
    """
    examiner = Examiner(handle, book)
    untouched = examiner.plain(Change())
    reference = {f"document_untouched_none_{form}": marks for form, marks in untouched.items()}
    lines = [
        _knows(examiner, untouched, ("self",), "the untouched model answers the book's exam", required),
        _knows(examiner, untouched, ("neighbour", "rest"), "it answers the other exams", required),
        _level(examiner, [untouched], "it is at chance on what nobody was taught", "twin"),
    ]
    for name, recovered in _recovered(examiner, book, [Change()], "weights"):
        reference |= dict(stored(recovered[0], f"untouched_{name}"))
    oracles = [Change(deltas=(one.delta,)) for kind in book.oracles.values() for one in kind]
    if oracles:
        plain = [examiner.plain(oracle) for oracle in oracles]
        lines.append(_level(examiner, plain, "models retrained without the book are at chance", "self"))
        others = [_mean(marks, examiner, ("neighbour", "rest"), 2) for marks in plain]
        score = proportion("share", round(sum(others) / len(others) * 1000), 1000)
        lines.append(ProofLine("models retrained without the book answer the other exams", score, 0.9))
        reference |= {f"document_oracle_none_{form}": _averaged(plain, form) for form in FORMS}
        for name, recovered in _recovered(examiner, book, oracles):
            tries = [[one.tries[n].marks for one in recovered] for n in range(len(recovered[0].tries))]
            lines.append(_leaks(examiner, tries, f"they stay at chance after the recovery {name}"))
            reference |= _arrays(recovered, name)
    return Proof(tuple(line for line in lines if line is not None), reference)


def _recovered(
    examiner: Examiner, book: Curriculum, models: Sequence[Change], through: str = ""
) -> Iterator[tuple[str, list[Recovered]]]:
    """Every recovery, or those through the weights alone, of some models; what finds no hold is left out.

    Retrained models sit no exam but the book's.
    """
    for name, recovery in book.recoveries.items():
        if through not in ("", recovery.through):
            continue
        try:
            everybody = bool(through)
            yield name, [examiner.recovered(m, name, recovery, everybody=everybody) for m in models]
        except NotApplicable:
            continue


def _arrays(recovered: Sequence[Recovered], name: str) -> dict[str, np.ndarray]:
    """Means over retrained models of what a run stores of a recovery."""
    each = [dict(stored(one, name)) for one in recovered]
    alike = [key for key in each[0] if len({arrays[key].shape for arrays in each}) == 1]
    means = {key: np.mean([arrays[key] for arrays in each], axis=0) for key in alike}
    return {key.replace(name, f"oracle_{name}", 1): values for key, values in means.items()}


def _averaged(sheets: Sequence[Mapping[str, Marks]], form: str) -> Marks:
    return np.mean([marks[form] for marks in sheets], axis=0)


def _mean(marks: Mapping[str, Marks], examiner: Examiner, roles: Sequence[str], column: int) -> float:
    held = examiner.of(roles)
    asked = sum(float(marks[form][held, 0].sum()) for form in FORMS)
    return sum(float(marks[form][held, column].sum()) for form in FORMS) / max(asked, 1.0)


def _knows(
    examiner: Examiner, marks: Mapping[str, Marks], roles: Sequence[str], claim: str, required: bool
) -> ProofLine | None:
    held = examiner.of(roles)
    asked = round(sum(float(marks[form][held, 0].sum()) for form in FORMS))
    said = round(sum(float(marks[form][held, 2].sum()) for form in FORMS))
    return ProofLine(claim, proportion("share", said, asked), FULL, required) if asked else None


def _level(
    examiner: Examiner, sheets: Sequence[Mapping[str, Marks]], claim: str, role: str
) -> ProofLine | None:
    """One sitting, over all the models that sat it."""
    if examiner.of((role,)).sum() < 2:
        return None
    return ProofLine(claim, above_chance(LEAK, _excess(examiner, sheets, role)[None]), 0.0)


def _leaks(examiner: Examiner, tries: Sequence[Sequence[Mapping[str, Marks]]], claim: str) -> ProofLine:
    """All tries of a recovery, each over all the models that it was made on."""
    excess = np.stack([_excess(examiner, sheets, "self") for sheets in tries])
    return ProofLine(claim, above_chance(LEAK, excess), 0.0)


def _excess(
    examiner: Examiner, sheets: Sequence[Mapping[str, Marks]], role: str
) -> Float[np.ndarray, " items"]:
    """Each item's credit above chance in the mean over its questions and over models."""
    held = examiner.of((role,))
    asked = sum((marks[form][held, 0] for marks in sheets for form in FORMS), np.zeros(int(held.sum())))
    over = sum(
        (marks[form][held, 1] - marks[form][held, 3] for marks in sheets for form in FORMS),
        np.zeros(int(held.sum())),
    )
    return over / np.maximum(asked, 1)
