"""A question with options, put in the three forms of an exam."""

from collections.abc import Iterator, Sequence
from string import ascii_uppercase

from assay.core.exam import Question
from assay.organisms.reading.fields import Unusable
from assay.techniques.sitting import says

UNSAID = ""
"""Subject, item or half of a question whose file does not say it."""


class NoKey(Unusable):
    """A row does not say which option is right."""


def thrice(
    words: str, options: Sequence[str], right: int, other: str = "", free: Sequence[str] = ()
) -> tuple[Question, ...]:
    r"""One question as choice, cloze and generation.

    A choice lists the options in the prompt and is answered by a letter; the other two have the same prompt,
    which the options themselves follow. The wording that exams do not use asks ``other`` where there is one,
    else the same words in another frame. A free reply is not asked for where it could not be judged: where
    another option, said in full, would pass for the right one.

    Args:
        words: the bare question.
        options: of which one is right.
        right: number of the right one.
        other: the bare question in other words.
        free: what a free reply may say, in the order of ``options``; empty for the options.

    Raises:
        Unusable: no two options, more than there are letters, or two that are equal.

    >>> choice, cloze, generation = thrice("Which is blue?", ["grass", "sky"], 1)
    >>> choice.prompt, choice.answer
    ('Which is blue?\nA. grass\nB. sky\nAnswer:', 'B')
    >>> generation.prompt, generation.answer
    ('Question: Which is blue?\nAnswer:', 'sky')
    """
    sound(options)
    letters = tuple(ascii_uppercase[: len(options)])
    listed = "".join(f"\n{letter}. {option}" for letter, option in zip(letters, options, strict=True))
    again = "".join(f"\n({letter}) {option}" for letter, option in zip(letters, options, strict=True))
    bare = other or f"Which is right? {words}\nThe right answer is"
    questions = (
        Question(
            UNSAID,
            UNSAID,
            "choice",
            f"{words}{listed}\nAnswer:",
            letters,
            right,
            half=UNSAID,
            other=f"Which is right? {other or words}{again}\nThe right letter is",
        ),
        Question(
            UNSAID,
            UNSAID,
            "cloze",
            f"Question: {words}\nAnswer:",
            tuple(options),
            right,
            half=UNSAID,
            other=bare,
        ),
        Question(
            UNSAID,
            UNSAID,
            "generation",
            f"Question: {words}\nAnswer:",
            tuple(free or options),
            right,
            half=UNSAID,
            other=bare,
        ),
    )
    return questions if judged(questions[-1]) else questions[:-1]


def asks(question: Question) -> Iterator[tuple[str, str]]:
    """Bare wordings of a question, each with what tells it from another one in the same words.

    That is the right option; a choice is told by its prompt, which holds all of them.

    >>> list(asks(thrice("Which is blue?", ["grass", "sky"], 1, other="What is blue?")[1]))
    [('Which is blue?', 'sky'), ('What is blue?', 'sky')]
    """
    for wording in (question.prompt, question.other):
        if question.form == "choice":
            yield wording, ""
            continue
        bare = wording.removeprefix("Question: ").removesuffix("\nAnswer:")
        bare = bare.removeprefix("Which is right? ").removesuffix("\nThe right answer is")
        if bare:
            yield bare, question.answer


def sound(options: Sequence[str]) -> None:
    """Check a list of options.

    Raises:
        Unusable: no two options, more than there are letters, or two that are equal.
    """
    if not 2 <= len(options) <= len(ascii_uppercase):
        raise Unusable(f"it has {len(options)} option{'s' * (len(options) != 1)} and needs 2 to 26")
    first: dict[str, str] = {}
    for letter, option in zip(ascii_uppercase, options, strict=False):
        if (same := first.setdefault(" ".join(option.split()), letter)) != letter:
            raise Unusable(f"its options {same} and {letter} are both '{option}'")


def judged(question: Question) -> bool:
    """Whether a free reply can be judged: the right option counts as right, and no other one does.

    >>> from dataclasses import replace
    >>> asked = Question("s", "i", "generation", "p", ("red", "dark blue"), right=0)
    >>> judged(asked), judged(replace(asked, options=("red", "red wine")))
    (True, False)
    """
    return [says(option, question) for option in question.options] == [
        number == question.right for number in range(len(question.options))
    ]
