"""WMDP: question, choices, number of the right one (Li et al., arXiv 2403.03218)."""

from dataclasses import replace

from assay.core.exam import Question
from assay.organisms.reading.fields import Record, Unusable, listed, text
from assay.organisms.unlearning.files.asked import NoKey, sound, thrice

KNOWN_BY = ("question", "choices")


def read_wmdp(record: Record) -> tuple[Question, ...]:
    """The questions of one record; ``subject`` is kept where there is one.

    Raises:
        NoKey: ``answer`` is missing.
        Unusable: another field is missing or empty, or ``answer`` is no number of a choice.
    """
    words, options = text(record, "question"), listed(record, "choices")
    sound(options)
    right = record.get("answer")
    if right is None or right == "":
        raise NoKey("it has no key: 'answer' is missing")
    if isinstance(right, bool) or not isinstance(right, int) or not 0 <= right < len(options):
        raise Unusable(f"'answer' is {right!r} and should be a number from 0 to {len(options) - 1}")
    subject = text(record, "subject") if record.get("subject") else ""
    return tuple(replace(q, subject=subject) for q in thrice(words, options, right))
