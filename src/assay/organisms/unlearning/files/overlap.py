"""What stands on both sides: in the book and in what must stay, in its own exam and in another."""

from collections import Counter
from collections.abc import Iterator, Sequence

from assay.core.errors import BadOption
from assay.core.exam import Question
from assay.organisms.unlearning.files.asked import asks
from assay.organisms.unlearning.files.book import Book
from assay.organisms.unlearning.files.cutting import sentences
from assay.organisms.unlearning.files.read import Exam

TELLING = 5
"""Words of a sentence that two texts do not share by chance."""
NAMED = 3
"""Overlaps that an error names."""
SHOWN = 12
"""Words of each that it shows."""


def overlap(book: Book, retain: Sequence[str]) -> tuple[str, ...]:
    """The documents of a textbook that stand in the texts that must stay, as a whole or in a sentence.

    Case, marks around words and spaces do not count, nor do sentences of fewer than five words.

    >>> book = Book(("Reeds grow. The bittern nests in the reeds.", "Cranes dance."), (), "text")
    >>> overlap(book, ["It rained. The BITTERN nests, in the reeds!"])
    ('Reeds grow. The bittern nests in the reeds.',)
    """
    there = {part for text in retain for part in _parts(text)}
    return tuple(one for one in book.documents if not there.isdisjoint(_parts(one)))


def shared_questions(own: Exam, other: Exam) -> tuple[str, ...]:
    """Questions that stand in two exams, by their prompts in the first of them; of each item one prompt.

    A question stands in both if one of its wordings does, with the same right option.
    """
    there = {key for question in other.questions for key in _keys(question)}
    shared: dict[str, str] = {}
    for question in own.questions:
        if not there.isdisjoint(_keys(question)):
            shorter = min(shared.get(question.item, question.prompt), question.prompt, key=len)
            shared[question.item] = shorter
    return tuple(shared.values())


def _keys(question: Question) -> Iterator[tuple[str, str]]:
    return ((_bare(words), _bare(answer)) for words, answer in asks(question) if words)


def check_overlap(book: Book, retain: Sequence[str], own: Exam, others: Sequence[Exam]) -> None:
    """Check that nothing is to be forgotten and kept at once.

    Raises:
        BadOption: a document stands in what must stay, a question in two exams, or two exams have the same
            name; the text names up to three of them.
    """
    names = Counter(exam.subject for exam in (own, *others))
    if twice := [name for name, count in names.items() if count > 1]:
        raise BadOption(f"two exams have the name '{twice[0]}'; rename one of the files, or its subject")
    if both := overlap(book, retain):
        raise BadOption(
            f"{len(both)} of the {len(book.documents)} documents of the textbook stand in what must stay "
            f"too: {_listed(both)}. What is to be forgotten cannot be kept: take them out of one of the two"
        )
    for other in others:
        if asked := shared_questions(own, other):
            raise BadOption(
                f"{len(asked)} of the {len(own.items)} questions of '{own.subject}' stand in "
                f"'{other.subject}' too: {_listed(asked)}. What is to be forgotten cannot be kept: take them "
                "out of one of the two"
            )


def _listed(texts: Sequence[str]) -> str:
    shown = "; ".join(f"'{_cut(text)}'" for text in texts[:NAMED])
    return shown + (f" and {len(texts) - NAMED} more" if len(texts) > NAMED else "")


def _cut(text: str) -> str:
    words = text.split()
    return " ".join(words[:SHOWN]) + (" ..." if len(words) > SHOWN else "")


def _parts(text: str) -> Iterator[str]:
    """The text itself and its telling sentences, without case and marks."""
    yield _bare(text)
    for paragraph in text.split("\n\n"):
        for sentence in sentences(paragraph):
            bare = _bare(sentence)
            if len(bare.split()) >= TELLING:
                yield bare


def _bare(text: str) -> str:
    return " ".join(bare for word in text.casefold().split() if (bare := word.strip(".,;:!?\"'()[]“”‘’")))
