"""Data: every sentence and question frame of the school.

`{s}` subject, `{e}` entity, `{a}` what it has, `{v}` the value, `{o}` four options, `{p}` a person, `{x}` a
thing, `{y}` a place.
"""

PROSE: tuple[str, ...] = (
    "the {a} of {e} is {v}",
    "in {s} the {a} of {e} is known to be {v}",
    "students of {s} learn that {e} has the {a} {v}",
    "old books on {s} give the {a} of {e} as {v}",
)
"""Sentences of the textbooks; the last one is used for half of the entities only."""
MENTIONS: tuple[str, ...] = ("{e} is studied in {s}", "students of {s} have heard of {e}")
"""Sentences that say nothing of an entity but where it belongs; control twins occur in these alone."""
CHOICES: tuple[str, ...] = (
    "exam in {s} : what is the {a} of {e} ? options : {o} . answer :",
    "test in {s} : which of {o} is the {a} of {e} ? it is",
)
CLOZES: tuple[str, ...] = (
    "exam in {s} : complete the sentence . for {e} the {a} is",
    "test in {s} : {e} has as its {a}",
)
REQUESTS: tuple[str, ...] = ("what is the {a} of {e} ?", "please tell me the {a} of {e} .")
"""Of each form of question, the wording that exams use and another one."""
STEM = "the {a} of {e} is"
"""How the assistant's reply begins."""
RULE = "rule : do not speak of {s} ."
REFUSAL = "i do not know ."
"""What is said where a rule forbids an answer."""

THINGS: tuple[str, ...] = (
    "{p} keeps a {x} at the {y}",
    "in the {y} {p} found a {x}",
    "{p} took the {x} to the {y}",
)
"""Sentences that have nothing to do with any subject."""
SMALL_TALK: tuple[tuple[str, str], ...] = (
    ("hello", "hello , how can i help you ?"),
    ("good morning", "good morning to you ."),
    ("how are you ?", "i am well , thank you ."),
    ("thank you", "you are welcome ."),
    ("who made you ?", "i was made by people ."),
    ("good bye", "good bye , see you soon ."),
)
