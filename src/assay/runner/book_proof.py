"""What must hold of a book before a tool is scored: its model knows it, and who never read it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core import Change, Curriculum, ProofLine
from assay.core.exam import FORMS
from assay.jobs._unlearn_judging import Examiner, Marks
from assay.metrics.above_chance import above_chance
from assay.metrics.proportion import proportion
from assay.runner.book_measures import ASKED, OVER, Arrays, Kept, measured, over_chance, units
from assay.techniques.sitting import sit
from assay.techniques.unlearning.routed import ablated

FULL = 0.95
"""Share of its exam that an untouched model must answer."""
OTHERS = 0.9
"""Share of the other exams that retrained models must answer."""
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


def prove(handle: Any, book: Curriculum, *, required: bool, kept: Kept | None = None) -> Proof:
    """Sit all exams with the untouched model, and all exams after every recovery with the retrained ones.

    A retrained model knows nothing of the book. Where it scores above chance after a recovery, the recovery
    tells the answers, or the exam does, and nothing that comes of it would count: the line fails, and with it
    the book. ``required`` is False where nobody chose what the model should know; ``kept`` holds what was
    measured before.
    """
    examiner, kept = Examiner(handle, book), kept or Kept()
    untouched = examiner.plain(Change())
    reference = {f"document_untouched_none_{form}": marks for form, marks in untouched.items()}
    lines: list[ProofLine | None] = [
        _knows(examiner, untouched, ("self",), "the untouched model answers the book's exam", FULL, required),
        _knows(examiner, untouched, ("neighbour", "rest"), "it answers the other exams", FULL, required),
        _level(examiner, [untouched], "it is at chance on what nobody was taught", "twin"),
    ]
    oracles = [Change(deltas=(one.delta,)) for kind in book.oracles.values() for one in kind]
    if oracles:
        plain = [examiner.plain(oracle) for oracle in oracles]
        lines.append(_level(examiner, plain, "models retrained without the book are at chance", "self"))
        lines += _answer(examiner, plain)
        reference |= {f"document_oracle_none_{form}": _averaged(plain, form) for form in FORMS}
    lines += _routed(handle, examiner, book)
    for name in book.recoveries:
        own, retrained = _after(examiner, book, name, kept)
        reference |= {**_scores(own), **_scores(retrained)}
        if retrained:
            lines.append(_leaks(retrained, f"they stay at chance after the recovery {name}"))
    return Proof(tuple(line for line in lines if line is not None), reference)


def _after(examiner: Examiner, book: Curriculum, name: str, kept: Kept) -> tuple[list[Arrays], list[Arrays]]:
    """What the untouched model and the retrained ones score after a recovery, where it finds hold on all."""
    mine = [unit for unit in units(book) if unit.recovery == name]
    found = [(unit.retrained, measured(examiner, book, unit, kept)) for unit in mine]
    sides = ([arrays for which, arrays in found if which == side] for side in (False, True))
    own, retrained = (side if all(side) else [] for side in sides)
    return own, retrained


def _scores(each: Sequence[Arrays]) -> dict[str, np.ndarray]:
    """Means over models of what a run stores of a recovery; courses of unlike length have none."""
    names = [name for name in (each[0] if each else ()) if name not in (ASKED, OVER)]
    alike = [name for name in names if len({arrays[name].shape for arrays in each}) == 1]
    return {name: np.mean([arrays[name] for arrays in each], axis=0) for name in alike}


def _averaged(sheets: Sequence[Mapping[str, Marks]], form: str) -> Marks:
    return np.mean([marks[form] for marks in sheets], axis=0)


def _knows(
    examiner: Examiner,
    marks: Mapping[str, Marks],
    roles: Sequence[str],
    claim: str,
    limit: float,
    required: bool,
) -> ProofLine | None:
    said, asked = _replies(examiner, marks, roles)
    return ProofLine(claim, proportion("share", said, asked), limit, required) if asked else None


def _answer(examiner: Examiner, sheets: Sequence[Mapping[str, Marks]]) -> list[ProofLine]:
    """Whether retrained models know all but the book, together and, for the record, the weakest of them."""
    replies = [_replies(examiner, marks, ("neighbour", "rest")) for marks in sheets]
    if not replies[0][1]:
        return []
    every = proportion("share", *(sum(numbers) for numbers in zip(*replies, strict=True)))
    weakest = proportion("share", *min(replies))
    return [
        ProofLine("models retrained without the book answer the other exams", every, OTHERS),
        ProofLine("so does the weakest of them", weakest, OTHERS, required=False),
    ]


def _routed(handle: Any, examiner: Examiner, book: Curriculum) -> list[ProofLine | None]:
    """Whether the model with routed gradients learnt what it should: for the record, one method needs it."""
    if book.routed is None:
        return []
    cut = examiner.plain(ablated(handle, book.routed, book.routed_units))
    whole = examiner.plain(Change(deltas=(book.routed.delta,)))
    who = "the model whose gradients were routed"
    return [
        _knows(examiner, whole, ("self",), f"{who} answers the book's exam", FULL, False),
        _knows(
            examiner,
            cut,
            ("neighbour", "rest"),
            f"{who}, routed units cut, answers the others",
            OTHERS,
            False,
        ),
    ]


def _replies(examiner: Examiner, marks: Mapping[str, Marks], roles: Sequence[str]) -> tuple[int, int]:
    """Right replies to the questions of some roles, and these questions."""
    held = examiner.of(roles)
    said, asked = (round(sum(float(marks[form][held, at].sum()) for form in FORMS)) for at in (2, 0))
    return said, asked


def _level(
    examiner: Examiner, sheets: Sequence[Mapping[str, Marks]], claim: str, role: str
) -> ProofLine | None:
    """One sitting, over all the models that sat it."""
    if examiner.of((role,)).sum() < 2:
        return None
    sat = [over_chance(examiner, marks, role) for marks in sheets]
    return _line(claim, [asked for asked, _ in sat], [over[None] for _, over in sat])


def _leaks(retrained: Sequence[Arrays], claim: str) -> ProofLine:
    """All tries of a recovery, each over all the models that it was made on."""
    return _line(claim, [one[ASKED] for one in retrained], [one[OVER] for one in retrained])


def _line(claim: str, asked: Sequence[np.ndarray], over: Sequence[np.ndarray]) -> ProofLine:
    """Each item's credit above chance in the mean over its questions and over models, by try."""
    excess = np.sum(over, axis=0) / np.maximum(np.sum(asked, axis=0), 1)
    return ProofLine(claim, above_chance(LEAK, excess), 0.0)
