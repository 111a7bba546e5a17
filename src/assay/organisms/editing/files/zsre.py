"""zsRE, as MEND and ROME read it, and the form of EasyEdit (github.com/zjunlp/EasyEdit)."""

from typing import cast

from assay.core.edit import Edit, Probe, ProbeKind
from assay.organisms.editing.files.draft import Draft, plain_document
from assay.organisms.reading.fields import Record, first_text, records, text, texts

ZSRE_KNOWN_BY = ("src",)
EASYEDIT_KNOWN_BY = ("prompt", "target_new")
QUESTION = "nq question:"
"""What stands before every unrelated question of zsRE; it is no part of the question."""


def read_zsre(record: Record) -> Draft:
    """One zsRE record; its prompt is a question.

    With ``alt`` the edit goes from the first of ``answers`` to ``alt``; without it from ``pred``, which is
    what the model says, to the first of ``answers``, as in ROME. ``loc`` is a question on something else;
    it counts as neighbourhood.

    Raises:
        Unusable: a field is missing or empty.
    """
    subject, prompt = text(record, "subject"), text(record, "src")
    if "alt" in record:
        old, new = first_text(record, "answers", "pred"), text(record, "alt")
    else:
        old, new = text(record, "pred"), first_text(record, "answers")
    loc = [_question(prompt) for prompt in texts(record, "loc")]
    return Draft(
        Edit(prompt, subject, old, new, "", plain_document(prompt, old)),
        (
            Probe("efficacy", prompt, new, old),
            *(Probe("paraphrase", other, new, old) for other in texts(record, "rephrase")),
            *(Probe("neighbourhood", other, first_text(record, "loc_ans"), new) for other in loc),
        ),
    )


def read_easyedit(record: Record) -> Draft:
    """One EasyEdit record, of its own lists or of KnowEdit.

    ``locality`` and ``portability`` hold groups of questions with ``ground_truth``, of which the first answer
    counts; a question without an answer is not asked. A locality question that names the subject is about
    another relation of it. The file does not say what followed from the old value, so the wrong answer of a
    portability question is the old value.

    Raises:
        Unusable: a field is missing or empty.
    """
    subject, prompt = text(record, "subject"), text(record, "prompt")
    old, new = first_text(record, "ground_truth"), first_text(record, "target_new")
    told = texts(record, "rephrase_prompt") or texts(record, "rephrase")
    kept = [*_asked(record.get("locality")), *_pair(record, "locality_prompt", "locality_ground_truth")]
    follows = [
        *_asked(record.get("portability")),
        *_pair(record, "portability_prompt", "portability_ground_truth"),
    ]
    return Draft(
        Edit(prompt, subject, old, new, "", plain_document(prompt, old)),
        (
            Probe("efficacy", prompt, new, old),
            *(Probe("paraphrase", other, new, old) for other in told),
            *(Probe(_near(subject, other), other, right, new) for other, right in kept),
            *(Probe("portability", other, right, old) for other, right in follows),
        ),
    )


def _near(subject: str, prompt: str) -> ProbeKind:
    return "same_subject" if subject in prompt else "neighbourhood"


def _question(prompt: str) -> str:
    """A question without the prefix that marks it, and with its mark at the end.

    >>> _question("nq question: who wrote the iliad")
    'who wrote the iliad?'
    """
    bare = prompt.removeprefix(QUESTION).strip()
    return bare if bare.endswith("?") else f"{bare}?"


def _asked(found: object) -> list[tuple[str, str]]:
    """Every question with its answer in groups of questions, or in a group itself."""
    asked: list[tuple[str, str]] = []
    for one in records(found):
        if "prompt" in one:
            asked += _pair(one, "prompt", "ground_truth")
        elif "New Question" in one:
            asked += _pair(one, "New Question", "New Answer")
        else:
            asked += [pair for part in one.values() for pair in _asked(part)]
    return asked


def _pair(record: Record, question: str, answer: str) -> list[tuple[str, str]]:
    """Question and first answer under two names; where there are many questions, the first answer of each."""
    asked, found = texts(record, question), record.get(answer)
    parts = cast(list[object], found) if len(asked) > 1 and isinstance(found, list) else [found]
    right = [texts({answer: part}, answer)[:1] for part in parts]
    pairs = zip(asked, right, strict=False)
    return [(_bare(prompt), said) for prompt, some in pairs for said in some]


def _bare(prompt: str) -> str:
    return _question(prompt) if prompt.startswith(QUESTION) else prompt
