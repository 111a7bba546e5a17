"""Change exactly these facts and nothing else: a list decided beforehand, done by every tool alike.

Setting: Meng et al., "Locating and editing factual associations in GPT" (arXiv 2202.05262) and "Mass-editing
memory in a transformer" (arXiv 2210.07229). A method is told: the model, ordinary text of its language, facts
outside the list, and then the edits themselves (prompt, subject, old and new value, and texts that state the
old fact). It returns an editor. The questions that follow an edit are never shown to it: other wordings,
neighbours, namesakes, other relations of the subject, what follows from the new fact, and its reverse.

A method may instead return where in the model facts are stored; that is a finding of its own, and is judged
by whether it tells where editing works.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from assay.core import Answer, Change, Edit, EditList, Editor, Localisation, Price, Split, Transcript
from assay.core.edit import STAYS
from assay.core.errors import AssayError
from assay.core.job import Job, Material
from assay.jobs._edit_judging import Judge, shares

WIDE = ("efficacy", "paraphrase", "neighbourhood", "same_subject")
"""Kinds of question that are put after several edits; all are put after one."""
TRACED = 24
"""Facts that a localisation is judged on."""
Bill = Callable[[], Price]


@dataclass(frozen=True)
class EditBrief:
    """What every method is told before it sees an edit."""

    text: tuple[str, ...]
    """Ordinary text of the model's language."""
    spare: tuple[Edit, ...]
    """Facts outside the list that the model knows; what is new in them is made up, and nobody asks for it."""
    frame: str
    """How a context states a fact to this model, with ``{fact}`` in it."""
    ordinary: tuple[Transcript, ...]
    """A few ordinary texts."""
    values: tuple[str, ...]
    """Words that facts of this kind end in."""

    def chance(self, seed: int) -> Editor:
        """An editor that puts a table with random values in front of the model."""
        return _Chance(self.values, seed)


@dataclass(frozen=True, kw_only=True)
class EditTruth(EditBrief):
    """The brief with the truth added."""

    answers: Mapping[str, str]
    """What is right after the edits, for every question of the job."""
    retrained: Any = field(compare=False)
    """Delta to a model that was trained from the start where the list is true; None if there is none."""

    def oracle(self) -> Editor:
        """An editor that puts a table with all right answers in front of the model."""
        return _Answers(self.answers)


@dataclass(frozen=True)
class _Chance(Editor):
    values: tuple[str, ...]
    seed: int

    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:  # noqa: ARG002
        """Look prompts that name a subject up in a table of random values."""
        rng = np.random.default_rng(self.seed)
        drawn = {edit.subject: str(rng.choice(self.values)) for edit in edits}
        return Change(table=lambda prompt: next((v for s, v in drawn.items() if s in prompt), None))


@dataclass(frozen=True)
class _Answers(Editor):
    answers: Mapping[str, str]

    def edit(self, handle: Any, edits: Sequence[Edit]) -> Change:  # noqa: ARG002
        """Everything that may be asked, whatever is to be edited."""
        return Change(table=self.answers.get)


@dataclass(frozen=True)
class Done:
    """One way of making edits, done: each change with the numbers of the edits that it makes."""

    changes: tuple[tuple[Change, tuple[int, ...]], ...]
    price: Price


@dataclass(frozen=True)
class Edited:
    """Everything that an editor was asked to do."""

    done: Mapping[str, Done]
    """single | few | many | sequence | long | neighbour (a second edit on top of ``few``)."""


@dataclass(frozen=True)
class Traced:
    """Everything that a localisation says."""

    effects: Mapping[str, Float[np.ndarray, "fact role layer"]]
    edited: Float[np.ndarray, "fact layer"]


def brief(material: Material) -> EditBrief:
    """Build what every method is told; no edit of the list and no question is in it."""
    listed = _listed(material)
    return EditBrief(
        text=material.text,
        spare=listed.spare,
        frame=listed.frame,
        ordinary=tuple(map(Transcript, material.text[:20])),
        values=tuple(sorted({edit.old for edit in listed.spare})) or ("yes", "no"),
    )


def truth(told: EditBrief, material: Material) -> EditTruth:
    """Add the truth to a brief."""
    listed = _listed(material)
    answers = {probe.prompt: probe.right for case in listed.cases for probe in case.probes}
    return EditTruth(**vars(told), answers=answers, retrained=listed.retrained)


def act(answer: Answer, handle: Any, material: Material, split: Split, bill: Bill) -> Edited | Traced:
    """Make the edits of a split in every way that is asked for.

    Raises:
        AssayError: the answer is neither an editor nor a localisation.
    """
    listed = _listed(material)
    edits = [case.edit for case in listed.of(split)]
    if isinstance(answer, Localisation):
        some = edits[:TRACED]
        return Traced(answer.effects(handle, some), answer.edited(handle, some))
    if not isinstance(answer, Editor):
        raise AssayError(f"the job edit needs an Editor; the method returned {type(answer).__name__}")
    work = _Work(answer, handle, edits, bill)
    if split == "select":
        work.at_once("few", range(min(listed.sizes.select, len(edits))))
        return Edited(work.done)
    sizes = listed.sizes
    work.singly("single", range(min(sizes.single, len(edits))))
    few, many = (range(min(size, len(edits))) for size in (sizes.few, sizes.many))
    change = work.at_once("few", few)
    work.at_once("neighbour", [n for n in range(len(edits)) if n not in few][: len(few)], change)
    work.at_once("many", many)
    work.in_turn("sequence", range(min(sizes.sequence, len(edits))))
    if sizes.long and listed.long:
        work.longer("long", listed.long[: sizes.long])
    return Edited(work.done)


@dataclass
class _Work:
    """An editor at work; every way of making edits is billed apart."""

    editor: Editor
    handle: Any
    edits: Sequence[Edit]
    bill: Bill
    done: dict[str, Done] = field(default_factory=lambda: {})

    def singly(self, name: str, numbers: Sequence[int]) -> None:
        before = self.bill()
        made = self.editor.each(self.handle, [self.edits[n] for n in numbers])
        self._keep(name, [(change, (n,)) for change, n in zip(made, numbers, strict=True)], before)

    def at_once(self, name: str, numbers: Sequence[int], on: Change | None = None) -> Change:
        before = self.bill()
        change = self._made([self.edits[n] for n in numbers], on)
        self._keep(name, [(change, tuple(numbers))], before)
        return change

    def in_turn(self, name: str, numbers: Sequence[int]) -> None:
        before, change = self.bill(), None
        for n in numbers:
            change = self._made([self.edits[n]], change)
        self._keep(name, [(change or Change(), tuple(numbers))], before)

    def longer(self, name: str, edits: Sequence[Edit]) -> None:
        before = self.bill()
        self._keep(name, [(self._made(edits), ())], before)

    def _made(self, edits: Sequence[Edit], on: Change | None = None) -> Change:
        if not edits:
            return on or Change()
        if on is None:
            return self.editor.edit(self.handle, edits)
        return on.then(self.editor.edit(self.handle.changed(on), edits))

    def _keep(self, name: str, changes: Sequence[tuple[Change, tuple[int, ...]]], before: Price) -> None:
        self.done[name] = Done(tuple(changes), _since(before, self.bill()))


def _since(before: Price, now: Price) -> Price:
    gone = {k: v - vars(before)[k] for k, v in vars(now).items() if k != "peak_bytes"}
    return replace(now, **gone)


def evaluate(did: Edited | Traced, handle: Any, material: Material, twin: bool) -> dict[str, np.ndarray]:  # noqa: ARG001
    """Ask every changed model its questions.

    Of an editor: ``document_<way>_<kind>`` with one row for each edit of the list and the columns of
    ``_edit_judging.COLUMNS``, ``document_<way>_damage``, ``document_few_<undoing>``, and ``cost_<way>``
    (edits, seconds, operations). Of a localisation: ``document_trace_<part>`` and ``document_trace_edited``.
    """
    listed = _listed(material)
    judge = Judge(handle, listed.of("report"), listed.unrelated)
    if isinstance(did, Traced):
        found = {**did.effects, "edited": did.edited}
        return {f"document_trace_{part}": _padded(values, judge.rows) for part, values in found.items()}
    arrays: dict[str, np.ndarray] = {}
    for way, done in did.done.items():
        if way != "neighbour":
            asked = judge.asked(done.changes, *(() if way == "single" else (WIDE,)))
            arrays |= {f"document_{way}_{kind}": values for kind, values in asked.items()}
        count = listed.sizes.long if way == "long" else sum(len(numbers) for _, numbers in done.changes)
        arrays[f"cost_{way}"] = np.array([count, done.price.wall_s, done.price.flops])
    [(change, numbers)] = did.done["few"].changes
    [(both, _)] = did.done["neighbour"].changes
    arrays["document_few_neighbour_edits"] = judge.kept(handle.changed(both), numbers)
    for name, undo in listed.undoings.items():
        arrays[f"document_few_{name}"] = judge.kept(undo(handle, change, listed.spare), numbers)
    return arrays


def select(did: Edited | Traced, handle: Any, material: Material) -> float:
    """How right the replies are after the select edits at once; 0 for a localisation, which has no choice.

    The harmonic mean of the shares of right greedy replies: of the edits, their paraphrases, and each kind of
    question whose answer must stay.
    """
    if isinstance(did, Traced):
        return 0.0
    judge = Judge(handle, _listed(material).of("select"), ())
    found = shares(judge.asked(did.done["few"].changes), ("efficacy", "paraphrase", *STAYS), "said")
    return len(found) / sum(1 / max(share, 1e-3) for share in found)


def says(did: Edited | Traced, handle: Any, transcripts: Sequence[Transcript]) -> Float[np.ndarray, "n 1"]:
    """The log-likelihood of each transcript after the edits that were made at once."""
    if isinstance(did, Traced):
        return np.array([[float(np.nanmean(did.edited))]] * len(transcripts)).reshape(-1, 1)
    [(change, _)] = did.done["few"].changes
    rows = handle.changed(change).token_logprobs([one.text for one in transcripts])
    return np.array([float(row.sum()) for row in rows]).reshape(-1, 1)


def exhibit(did: Edited | Traced, handle: Any, material: Material, explain: Any) -> dict[str, Any]:  # noqa: ARG001
    """For a localisation, the map to draw: what each place in the text and each layer gives back."""
    if not isinstance(did, Traced):
        return {}
    return {
        "trace": {part: _mean(values) for part, values in did.effects.items()},
        "edited": _mean(did.edited),
    }


def _mean(values: Float[np.ndarray, "fact ..."]) -> list[Any]:
    """Mean over facts; None where no fact has the place."""
    known = ~np.isnan(values)
    mean = np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1)
    shown: Any = np.where(known.any(0), mean, None)
    return shown.tolist()


def _padded(values: Float[np.ndarray, "fact ..."], rows: int) -> Float[np.ndarray, "rows ..."]:
    """One row for each edit of the list, with a first column that says whether it was looked at."""
    flat = np.nan_to_num(values.reshape(len(values), -1))
    found = np.zeros((rows, 1 + flat.shape[1]))
    found[: len(flat), 0], found[: len(flat), 1:] = 1.0, flat
    return found


def _listed(material: Material) -> EditList:
    if material.edits is None:
        raise AssayError("the job edit needs a list of edits; give it organisms that are one")
    return material.edits


JOB = Job(
    title="Change facts",
    question="Change exactly these facts and nothing else.",
    brief=brief,
    truth=truth,
    evaluate=evaluate,
    select=select,
    says=says,
    exhibit=exhibit,
    act=act,
    works_on="edits",
    on_twin=("rome",),
)
