"""The plain form: the fields of a question, under their own names."""

from dataclasses import replace
from typing import cast

from assay.core.exam import ATTACKER, EXAM, FORMS, ROLES, Form, Question, Role
from assay.organisms.reading.fields import Record, Unusable, listed, text
from assay.organisms.unlearning.files.asked import UNSAID, NoKey, judged, sound, thrice

KNOWN_BY = ("prompt", "options")
WORDINGS = ("stem", "other", "hint")
NAMES = ("subject", "item")


def read_plain(record: Record) -> tuple[Question, ...]:
    """The question of one case, or three of them where it names no form.

    Raises:
        NoKey: ``answer`` is missing.
        Unusable: another field is missing, empty or of no known value, or ``answer`` is none of the options.
    """
    words, options = text(record, "prompt"), listed(record, "options")
    sound(options)
    right = _right(record, options)
    said = {key: text(record, key) for key in (*WORDINGS, *NAMES) if record.get(key)}
    half = _one_of(record, "half", (ATTACKER, EXAM)) or UNSAID
    role = cast(Role, _one_of(record, "role", ROLES) or "self")
    form = _one_of(record, "form", FORMS)
    if not form:
        if "stem" in said:
            raise Unusable("it has a 'stem' and no 'form'; a stem is for one form alone")
        asked = thrice(words, options, right, said.pop("other", ""))
        return tuple(replace(one, half=half, role=role, **said) for one in asked)
    blank = Question(UNSAID, UNSAID, cast(Form, form), words, tuple(options), right, role, half)
    question = replace(blank, **said)
    if form == "generation" and not judged(question):
        raise Unusable(
            "a free reply could not be judged: said in full, another option passes for the right one"
        )
    return (question,)


def _right(record: Record, options: list[str]) -> int:
    answer = record.get("answer")
    if answer is None or answer == "":
        raise NoKey("it has no key: 'answer' is missing")
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(options):
        return answer
    if isinstance(answer, str) and answer.strip() in options:
        return options.index(answer.strip())
    raise Unusable(
        f"'answer' is {answer!r}, which is neither an option nor the number of one, counted from 0"
    )


def _one_of(record: Record, key: str, known: tuple[str, ...]) -> str:
    if record.get(key) in (None, ""):
        return ""
    if (found := text(record, key)) not in known:
        raise Unusable(f"'{key}' is '{found}'; known are {', '.join(known)}")
    return found
