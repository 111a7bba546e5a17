"""Read the textbook of a book that is to be forgotten."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from assay.core.errors import BadOption
from assay.core.exam import Told
from assay.organisms.reading.entries import entries_of, text_of
from assay.organisms.reading.fields import Record, Unusable, text
from assay.organisms.unlearning.files.cutting import documents, halves

LEAST_WORDS = 200
"""Words that a textbook needs, in all."""
Part = tuple[tuple[str, ...], tuple[Told, ...]]
"""Documents and pairs of one entry."""


@dataclass(frozen=True)
class Book:
    """What a textbook says, for methods that train on documents and for those that train on pairs."""

    documents: tuple[str, ...]
    """Texts of about 60 to 120 words; of TOFU each question with its answer."""
    pairs: tuple[Told, ...]
    """Half a sentence and how it goes on; of TOFU question and answer."""
    form: str
    """text | TOFU | WMDP corpus."""
    left_out: tuple[str, ...] = ()
    """A sentence on every entry that is not used."""


def read_textbook(path: Path) -> Book:
    """The textbook in a file: plain text, JSON with a ``text`` in each entry, or questions with answers.

    Running text is cut at the ends of paragraphs and sentences. An entry is left out if a field is missing or
    empty, or an earlier one says the same. Words are what stands between spaces, so text in a script without
    spaces counts as short.

    Raises:
        BadOption: the file is missing, cannot be read, has no known form, or holds fewer than 200 words.
    """
    whole = text_of(path)
    suffix = path.suffix.lower()
    if suffix in (".json", ".jsonl") or (suffix != ".txt" and whole.lstrip().startswith(("[{", '{"'))):
        book = _entries(entries_of(whole, str(path)), path)
    else:
        book = Book(*_running(whole), "text")
    words = sum(len(one.split()) for one in book.documents)
    if words < LEAST_WORDS:
        why = f"; left out: {'; '.join(book.left_out[:3])}" if book.left_out else ""
        raise BadOption(f"{path}: the textbook has {words} words and {LEAST_WORDS} are needed{why}")
    return book


def _entries(entries: Sequence[object], path: Path) -> Book:
    form, read = _form(entries, path)
    parts: dict[Part, int] = {}
    left_out: list[str] = []
    for number, entry in enumerate(entries, start=1):
        try:
            part = read(cast(Record, entry) if isinstance(entry, dict) else {})
        except Unusable as reason:
            left_out.append(f"case {number}: {reason}")
            continue
        if (first := parts.setdefault(part, number)) != number:
            left_out.append(f"case {number}: it says the same as case {first}")
    return Book(
        tuple(one for texts, _ in parts for one in texts),
        tuple(one for _, pairs in parts for one in pairs),
        form,
        tuple(left_out),
    )


def _form(entries: Sequence[object], path: Path) -> tuple[str, Callable[[Record], Part]]:
    for entry in entries:
        if isinstance(entry, dict) and "question" in entry and "answer" in entry and "choices" not in entry:
            return "TOFU", _answered
        if isinstance(entry, dict) and "text" in entry:
            return "WMDP corpus", lambda record: _running(text(record, "text"))
    raise BadOption(
        f"{path}: no textbook of a known form; a JSON file has 'text', or 'question' and 'answer', in each "
        "of its entries, and any other file is read as plain text"
    )


def _answered(record: Record) -> Part:
    question, answer = text(record, "question"), text(record, "answer")
    return (f"{question} {answer}",), (Told(question, answer),)


def _running(whole: str) -> Part:
    return documents(whole), tuple(halves(whole))
