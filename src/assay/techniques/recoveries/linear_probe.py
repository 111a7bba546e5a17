"""Trains a linear map that reads answers out of a layer, on half of the facts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int

from assay.access import WhiteHandle
from assay.core.errors import NotApplicable
from assay.core.exam import Attacked, Attempt, Question, Recovery, Sheet
from assay.techniques.recoveries._reading import layers, marked, option_tokens

PENALTIES = tuple(10.0**power for power in range(-4, 3))
"""Tried strengths, in units of the mean over dimensions of the rows' squares around their mean."""
Rows = Float[np.ndarray, "n d"]
Targets = Float[np.ndarray, "n k"]


@dataclass(frozen=True, eq=False)
class Probe:
    """``W h + b``."""

    weight: Float[np.ndarray, "d k"]
    bias: Float[np.ndarray, " k"]

    def __call__(self, rows: Rows) -> Float[np.ndarray, "n k"]:
        """What is read from each row."""
        return rows @ self.weight + self.bias


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a probe is fitted on at every layer."""

    questions: tuple[Question, ...]
    tokens: Sequence[Sequence[int]]
    """Of each question's options."""
    codes: Float[np.ndarray, "vocabulary k"]
    """What is to be read for each token."""

    @property
    def targets(self) -> Targets:
        """The code of each right answer."""
        return self.codes[[own[q.right] for own, q in zip(self.tokens, self.questions, strict=True)]]

    @property
    def facts(self) -> Int[np.ndarray, " n"]:
        """The number of each question's fact."""
        names = [question.item for question in self.questions]
        return np.unique(names, return_inverse=True)[1]

    @property
    def sayable(self) -> list[int]:
        """Every token that was an option."""
        return sorted({token for own in self.tokens for token in own})


def attempts(attacked: Attacked, seed: int, full: bool) -> Iterator[Attempt]:  # noqa: ARG001
    """One try for each layer.

    Raises:
        NotApplicable: fewer than two facts are known.
    """
    if len({question.item for question in attacked.known}) < 2:
        raise NotApplicable(
            "fewer than two facts on the attacker's half of the book, so no probe can be fitted"
        )
    held = attacked.handle.changed(attacked.held)
    lesson = Lesson(attacked.known, option_tokens(held, attacked.known), output_codes(held))
    wanted = layers(held.n_layers, full)
    seen = held.activations([question.lead for question in lesson.questions], wanted).double().numpy()
    for place, layer in enumerate(wanted):
        penalty, probe = fitted(seen[:, place], lesson)
        setting = {"layer": layer, "penalty": penalty}
        yield Attempt(setting, partial(read, held, layer, probe, lesson), course="probe", x=float(layer))


def fitted(rows: Rows, lesson: Lesson) -> tuple[float, Probe]:
    """Penalty and probe of a layer: the largest penalty that earns facts left out the most credit.

    It is told in the units of ``PENALTIES``.
    """
    unit = float(np.square(rows - rows.mean(0)).sum(0).mean())
    targets, facts = lesson.targets, lesson.facts

    def credit(penalty: float) -> float:
        scores = left_out(rows, targets, penalty * unit, facts) @ lesson.codes.T
        return float(marked(scores, lesson.questions, lesson.tokens)[:, 0].mean())

    best = max(reversed(PENALTIES), key=credit)
    return best, ridge(rows, targets, best * unit)


def read(held: WhiteHandle, layer: int, probe: Probe, lesson: Lesson, questions: Sequence[Question]) -> Sheet:
    """The marks of ``<W h + b, e_option>``; said is the best of all words that answers were seen to be."""
    if not questions:
        return np.zeros((0, 2))
    rows = held.activations([question.lead for question in questions], [layer])[:, 0].double().numpy()
    return marked(probe(rows) @ lesson.codes.T, questions, option_tokens(held, questions), lesson.sayable)


def output_codes(handle: WhiteHandle) -> Float[np.ndarray, "vocabulary d"]:
    """The output embedding of each token with the last norm's gain, less the mean token's.

    Read through the lens: unit vectors of the stream go to the output, and what each token gets from each is
    its code.
    """
    seen = handle.logit_lens(torch.eye(handle.width)).double().numpy().T
    return seen - seen.mean(0)


def ridge(rows: Rows, targets: Targets, penalty: float) -> Probe:
    """``argmin over W, b of Σ ‖W h + b - y‖² + penalty ‖W‖²`` (Hoerl and Kennard 1970); ``b`` is free.

    >>> probe = ridge(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]]), 2.0)
    >>> probe(np.array([[1.0], [2.0]])).round(9).tolist()
    [[2.0], [2.5]]
    """
    design, square = _normal(rows, penalty)
    found = np.linalg.solve(square, design.T @ targets)
    return Probe(found[1:], found[0])


def left_out(rows: Rows, targets: Targets, penalty: float, facts: Int[np.ndarray, " n"]) -> Targets:
    """What is read from each row by a probe fitted without the rows of its fact.

    ``y_f - (I - H_ff)^-1 (y - H y)_f`` for each fact ``f``, with ``H`` the matrix from targets to what is
    read (Allen 1974, PRESS; here with all rows of a fact at once).
    """
    design, square = _normal(rows, penalty)
    hat = design @ np.linalg.solve(square, design.T)
    rest, found = targets - hat @ targets, np.empty_like(targets)
    for fact in np.unique(facts):
        mine = np.flatnonzero(facts == fact)
        own = np.eye(len(mine)) - hat[np.ix_(mine, mine)]
        found[mine] = targets[mine] - np.linalg.solve(own, rest[mine])
    return found


def _normal(rows: Rows, penalty: float) -> tuple[Float[np.ndarray, "n d1"], Float[np.ndarray, "d1 d1"]]:
    """The rows with a one in front, and their squares with the penalty on all but it."""
    design = np.concatenate([np.ones((len(rows), 1)), rows], axis=1)
    free = np.diag([0.0] + [penalty] * rows.shape[1])
    return design, design.T @ design + free


RECOVERY = Recovery(
    title="Linear probe",
    source="Alain & Bengio 2016, Understanding intermediate layers using linear classifier probes, arXiv "
    "1610.01644; on unlearnt models: Lynch et al. 2024, arXiv 2402.16835",
    formula="argmax over options of (W h_l + b) . e_option, e the output embeddings; W, b = argmin over the "
    "attacker's questions of sum |W h_l + b - e_answer|^2 + penalty |W|^2, penalty by leaving facts out",
    does="Trains, at every layer, a linear map from the stream to answers on half of the book's facts and "
    "reads the other half with it.",
    through="weights",
    attempts=attempts,
)
