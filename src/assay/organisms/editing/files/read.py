"""Read a file of edits: recognise its form, check every case, and say what is left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, cast

from assay.core.edit import EditCase, Probe
from assay.core.errors import BadOption
from assay.organisms.editing.files import counterfact, plain, zsre
from assay.organisms.editing.files.draft import Draft
from assay.organisms.reading.entries import entries_of, text_of
from assay.organisms.reading.fields import Record, Unusable

EVERY = 6
"""One case in so many is for tuning."""
LEAST = 2
"""Cases that each split needs."""


class Form(NamedTuple):
    """A form of file: the fields by which it is known, and how one case is read."""

    name: str
    known_by: tuple[str, ...]
    read: Callable[[Record], Draft]


FORMS = (
    Form("plain", plain.KNOWN_BY, plain.read_plain),
    Form("CounterFact", counterfact.KNOWN_BY, counterfact.read_counterfact),
    Form("zsRE", zsre.ZSRE_KNOWN_BY, zsre.read_zsre),
    Form("EasyEdit", zsre.EASYEDIT_KNOWN_BY, zsre.read_easyedit),
)


@dataclass(frozen=True)
class Loaded:
    """The cases of a file, and a sentence on everything in it that is not used."""

    cases: tuple[EditCase, ...]
    left_out: tuple[str, ...]
    form: str
    """The form that the file was recognised as."""


def read_cases(path: Path, least: int = LEAST) -> Loaded:
    """The edits in a file of any known form; cases are counted from 1 in everything that is said of them.

    A case is left out if a field is missing or empty, the subject is not in the prompt, the new value is the
    old one, or an earlier case edits the same fact. Of the cases that are left every sixth is for tuning
    (``select``), the others are reported; cases of the plain form that name their split keep it.

    Args:
        path: of the file.
        least: cases that each split needs; none where nothing is to be tuned.

    Raises:
        BadOption: the file is missing, is no JSON, has no known form, or leaves a split with too few cases;
            the text says what was found and what to do.
    """
    entries = entries_of(text_of(path), str(path))
    form = _form(entries, path)
    left_out: list[str] = []
    drafts: dict[int, Draft] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            drafts[number] = _sound(_read(form, entry), number, left_out)
        except Unusable as reason:
            left_out.append(f"case {number}: {reason}")
    cases = _split(_without_repeats(drafts, left_out))
    _require(cases, path, left_out, least)
    return Loaded(cases, tuple(left_out), form.name)


def _form(entries: Sequence[object], path: Path) -> Form:
    if not entries:
        raise BadOption(f"{path}: the list is empty")
    first = cast(Record, entries[0]) if isinstance(entries[0], dict) else {}
    for form in FORMS:
        if all(key in first for key in form.known_by):
            return form
    found = f"the fields {', '.join(first)}" if first else f"no object but {type(entries[0]).__name__}"
    forms = "; ".join(f"{form.name} ({', '.join(form.known_by)})" for form in FORMS)
    raise BadOption(f"{path}: unknown form; case 1 has {found}. Known forms, by their fields: {forms}")


def _read(form: Form, entry: object) -> Draft:
    if not isinstance(entry, dict):
        raise Unusable(f"it is no JSON object but {type(entry).__name__}")
    return form.read(cast(Record, entry))


def _sound(draft: Draft, number: int, left_out: list[str]) -> Draft:
    """The draft without questions that cannot be scored or come twice; raises Unusable for its edit."""
    edit = draft.edit
    if edit.subject not in edit.prompt:
        raise Unusable(f"the subject '{edit.subject}' is not in the prompt '{edit.prompt}'")
    if edit.old == edit.new:
        raise Unusable(f"the old and the new value are both '{edit.new}'")
    for probe in draft.probes:
        if probe.right == probe.wrong:
            left_out.append(
                f"case {number}: the {probe.kind} question '{probe.prompt}' is not asked, as its right "
                f"and its wrong answer are both '{probe.right}'"
            )
    first: dict[str, Probe] = {}
    for probe in draft.probes:
        if probe.right != probe.wrong:
            first.setdefault(probe.prompt, probe)
    return replace(draft, probes=tuple(first.values()))


def _without_repeats(drafts: dict[int, Draft], left_out: list[str]) -> list[Draft]:
    """Of the edits of one fact, the first."""
    kept: dict[str, int] = {}
    for number, draft in drafts.items():
        edit = draft.edit
        first = kept.setdefault(edit.fact, number)
        if first == number:
            continue
        other = drafts[first].edit
        if edit.new == other.new:
            left_out.append(f"case {number}: it is the same edit as case {first}")
        else:
            left_out.append(
                f"case {number}: it contradicts case {first}: '{edit.fact}' becomes '{edit.new}' here and "
                f"'{other.new}' there; case {first} is kept"
            )
    return [drafts[number] for number in kept.values()]


def _split(drafts: list[Draft]) -> tuple[EditCase, ...]:
    return tuple(
        EditCase(draft.edit, draft.probes, draft.split or ("report" if place % EVERY else "select"))
        for place, draft in enumerate(drafts, start=1)
    )


def _require(cases: Sequence[EditCase], path: Path, left_out: Sequence[str], least: int) -> None:
    select = sum(case.split == "select" for case in cases)
    if min(select, len(cases) - select) >= least:
        return
    why = f"; left out: {'; '.join(left_out[:3])}" if left_out else ""
    more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    raise BadOption(
        f"{path}: {len(cases)} cases can be used, {select} of them for tuning and {len(cases) - select} to "
        f"report; each needs {least}. Every {EVERY}th case is for tuning, so give {EVERY * least} cases or "
        f"more, or name the splits in the plain form{why}{more}"
    )
