"""Read an exam: recognise its form, check every question, and say what is left out."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

from assay.core.errors import BadOption
from assay.core.exam import ATTACKER, EXAM, Question
from assay.organisms.reading.entries import entries_of
from assay.organisms.reading.fields import Record, Unusable
from assay.organisms.unlearning.files import mmlu, plain, tofu, wmdp
from assay.organisms.unlearning.files.asked import NoKey
from assay.organisms.unlearning.files.source import Source, source_of

LEAST = 8
"""Questions that the exam on the book itself needs: half of them are what an attacker may relearn."""
Read = Callable[[], tuple[Question, ...]]
"""Reads one row; raises Unusable."""


class Kind(NamedTuple):
    """A form of JSON file: the fields by which it is known, and how its records are read."""

    name: str
    known_by: tuple[str, ...]
    reader: Callable[[Sequence[Record], int], Callable[[Record], tuple[Question, ...]]]


KINDS = (
    Kind("plain", plain.KNOWN_BY, lambda records, seed: plain.read_plain),  # noqa: ARG005
    Kind("WMDP", wmdp.KNOWN_BY, lambda records, seed: wmdp.read_wmdp),  # noqa: ARG005
    Kind("TOFU", tofu.KNOWN_BY, tofu.tofu_reader),
)


class Sheet(NamedTuple):
    """The rows of a file, not yet read."""

    form: str
    unit: str
    """What a row is called, ``row`` or ``case``."""
    rows: Sequence[tuple[int, Read]]
    """Numbers from 1, as somebody who opens the file counts."""


@dataclass(frozen=True)
class Exam:
    """The questions of a file, and a sentence on everything in it that is not used."""

    subject: str
    """What the file says, else its name without its ending."""
    questions: tuple[Question, ...]
    """In the role ``self``; of the items one half is the attacker's."""
    left_out: tuple[str, ...]
    form: str
    """The form that the file was recognised as."""

    @property
    def items(self) -> tuple[str, ...]:
        """What is asked, each once, in order."""
        return tuple(dict.fromkeys(question.item for question in self.questions))


def read_exam(path: Path, seed: int = 0, least: int = 1) -> Exam:
    """The questions in a file of any known form; rows are counted from 1 in everything that is said of them.

    A row is left out if it has no key, a field is missing or empty, two of its options are equal, or an
    earlier row asks the same; where a free reply could not be judged none is asked for. The items that are
    left are put in an order drawn by a seed, and every second one goes to the attacker; items of the plain
    form that name their half keep it. Same file, same seed, same exam.

    Args:
        path: of the file, or ``ARCHIVE:SUBJECT``.
        seed: of the order, and of wrong options where a file has none.
        least: items that are needed; ``LEAST`` for the exam on the book that is to be forgotten.

    Raises:
        BadOption: the file is missing, cannot be read, has no known form, or has no key or too few questions
            that can be used; the text says what was found and what to do.
    """
    source = source_of(path)
    sheet = _sheet(source, path, seed)
    left_out: list[str] = []
    drafts, keyless = _drafts(sheet, left_out)
    if not drafts:
        _refuse(sheet, path, left_out, keyless)
    subject = _subject(drafts, source, path)
    named = _named(_without_repeats(drafts, sheet.unit, left_out), subject)
    questions = tuple(_halved(named, sheet.unit, subject, seed, left_out))
    exam = Exam(subject, questions, tuple(left_out), sheet.form)
    _require(exam, path, least)
    return exam


def _sheet(source: Source, path: Path, seed: int) -> Sheet:
    json = source.suffix in (".json", ".jsonl") or source.text.lstrip().startswith(("[", "{"))
    if source.suffix == ".csv" or not json:
        rows = mmlu.rows_of(source.text, str(path))
        return Sheet("MMLU CSV", "row", [(number, partial(mmlu.read_row, row)) for number, row in rows])
    entries = entries_of(source.text, str(path))
    kind = _kind(entries, path)
    records = [cast(Record, entry) for entry in entries if isinstance(entry, dict)]
    read = partial(_entry, kind.reader(records, seed))
    return Sheet(kind.name, "case", [(n, partial(read, entry)) for n, entry in enumerate(entries, start=1)])


def _kind(entries: Sequence[object], path: Path) -> Kind:
    """The form of the first entry that has one."""
    if not entries:
        raise BadOption(f"{path}: the list is empty")
    for entry in entries:
        for kind in KINDS:
            if isinstance(entry, dict) and all(key in entry for key in kind.known_by):
                return kind
    first = cast(Record, entries[0]) if isinstance(entries[0], dict) else {}
    found = f"the fields {', '.join(first)}" if first else f"no object but {type(entries[0]).__name__}"
    kinds = "; ".join(f"{kind.name} ({', '.join(kind.known_by)})" for kind in KINDS)
    raise BadOption(f"{path}: unknown form; case 1 has {found}. Known forms, by their fields: {kinds}")


def _entry(read: Callable[[Record], tuple[Question, ...]], entry: object) -> tuple[Question, ...]:
    if not isinstance(entry, dict):
        raise Unusable(f"it is no JSON object but {type(entry).__name__}")
    return read(cast(Record, entry))


def _drafts(sheet: Sheet, left_out: list[str]) -> tuple[dict[int, tuple[Question, ...]], int]:
    """The questions of every row that can be used, and how many rows have no key."""
    drafts: dict[int, tuple[Question, ...]] = {}
    keyless = 0
    for number, read in sheet.rows:
        try:
            drafts[number] = read()
        except Unusable as reason:
            left_out.append(f"{sheet.unit} {number}: {reason}")
            keyless += isinstance(reason, NoKey)
        else:
            forms = [question.form for question in drafts[number]]
            if len(forms) > 1 and "generation" not in forms:
                left_out.append(
                    f"{sheet.unit} {number}: it is not asked freely; a reply could not be judged, as another "
                    "option, said in full, would pass for the right one"
                )
    return drafts, keyless


def _refuse(sheet: Sheet, path: Path, left_out: Sequence[str], keyless: int) -> None:
    if not sheet.rows:
        raise BadOption(f"{path}: the file holds no question")
    if keyless == len(sheet.rows):
        raise BadOption(
            f"{path}: this exam has no key: none of its {keyless} {sheet.unit}s says which option is right "
            f"({left_out[0]}); an exam cannot be marked without one"
        )
    hint = (
        ". A row of CSV is question, A, B, C, D and letter, separated by commas; any other exam is JSON"
        if sheet.unit == "row"
        else ""
    )
    raise BadOption(f"{path}: no question can be used; {_some(left_out)}{hint}")


def _some(sentences: Sequence[str]) -> str:
    more = f" and {len(sentences) - 3} more" if len(sentences) > 3 else ""
    return "; ".join(sentences[:3]) + more


def _subject(drafts: dict[int, tuple[Question, ...]], source: Source, path: Path) -> str:
    said = list(dict.fromkeys(q.subject for draft in drafts.values() for q in draft if q.subject))
    if len(said) > 1:
        some = ", ".join(said[:3]) + (" ..." if len(said) > 3 else "")
        raise BadOption(
            f"{path}: it holds {len(said)} subjects ({some}) and an exam is on one; give each its own file"
        )
    name = said[0] if said else source.subject
    return " ".join(name.replace(",", " ").split())  # subjects stand in lists, with commas between them


def _without_repeats(
    drafts: dict[int, tuple[Question, ...]], unit: str, left_out: list[str]
) -> Iterator[tuple[int, Question]]:
    """Of the questions in the same form and words, the first."""
    first: dict[tuple[str, str], tuple[int, Question]] = {}
    for number, draft in drafts.items():
        kept: list[Question] = []
        again: list[tuple[int, Question, Question]] = []
        for question in draft:
            words = " ".join(question.prompt.casefold().split())
            old = first.setdefault((question.form, words), (number, question))
            if old[1] is question:
                kept.append(question)
            else:
                again.append((*old, question))
        if again:
            left_out.append(f"{unit} {number}: {_repeat(unit, kept, again)}")
        yield from ((number, question) for question in kept)


def _repeat(unit: str, kept: Sequence[Question], again: Sequence[tuple[int, Question, Question]]) -> str:
    other = " with another key" if any(old.answer != new.answer for _, old, new in again) else ""
    if not kept:
        return f"it asks the same as {unit} {again[0][0]}{other}"
    forms = " and ".join(new.form for _, _, new in again)
    return f"it is not asked as {forms}, since {unit} {again[0][0]} has the same words{other}"


def _named(questions: Iterator[tuple[int, Question]], subject: str) -> Iterator[tuple[int, Question]]:
    """With subject and item; an item begins with its subject, so that no two exams have the same."""
    for number, question in questions:
        item = (question.item or str(number)).removeprefix(f"{subject}/")
        yield number, replace(question, subject=subject, item=f"{subject}/{item}")


def _halved(
    named: Iterator[tuple[int, Question]], unit: str, subject: str, seed: int, left_out: list[str]
) -> Iterator[Question]:
    """With a half for every item; a question whose half is not that of its item is left out."""
    questions = list(named)
    halves: dict[str, tuple[str, int]] = {}
    for number, question in questions:
        if question.half:
            halves.setdefault(question.item, (question.half, number))
    free = list(dict.fromkeys(q.item for _, q in questions if q.item not in halves))
    random.Random(f"exam/{subject}/{seed}").shuffle(free)
    halves |= {item: (ATTACKER if place % 2 else EXAM, 0) for place, item in enumerate(free)}
    for number, question in questions:
        half, first = halves[question.item]
        if question.half in (half, ""):
            yield replace(question, half=half)
        else:
            left_out.append(
                f"{unit} {number}: its half is '{question.half}', and {unit} {first}, of the same item, is "
                f"of the half '{half}'"
            )


def _require(exam: Exam, path: Path, least: int) -> None:
    items = len(exam.items)
    attacker = len({q.item for q in exam.questions if q.half == ATTACKER})
    why = f"; left out: {_some(exam.left_out)}" if exam.left_out else ""
    if items < least:
        raise BadOption(f"{path}: {items} questions can be used and {least} are needed{why}")
    if min(attacker, items - attacker) < least // 2:
        raise BadOption(
            f"{path}: {attacker} items are in the attacker's half and {items - attacker} in the exam's, and "
            f"each needs {least // 2}; name other halves in the file, or none{why}"
        )
