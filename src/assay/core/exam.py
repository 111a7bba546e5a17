"""Exam questions, and what a method that makes a model forget is told of a book; without torch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from assay.core.answer import Change
from assay.core.price import Price

Form = Literal["choice", "cloze", "generation"]
"""Four options in the prompt, a sentence to complete, a question that is answered freely."""
FORMS: tuple[Form, ...] = get_args(Form)
Role = Literal["self", "neighbour", "rest", "twin"]
"""What a question is about: the book to be forgotten, a subject that touches it, any other, or something of
the book's kind that the model was never taught."""
ROLES: tuple[Role, ...] = get_args(Role)
Sheet = Float[np.ndarray, "questions 2"]
"""Marks of each question. Column 0: credit for preferring the right option to the others, shared among
options that are level; column 1: 1 if the greedy reply gives the right one."""
ATTACKER, EXAM = "attacker", "exam"
"""Halves of the facts of a book: what relearning may be shown, and what is asked."""


@dataclass(frozen=True)
class Question:
    """One exam question with its key. Methods see none; recoveries see those of the attacker's half."""

    subject: str
    item: str
    """Cluster id of the fact asked for; questions of one item are redrawn together."""
    form: Form
    prompt: str
    options: tuple[str, ...]
    """What may follow the prompt and ``stem``, without a leading space; the right one among them."""
    right: int
    """Number of the right option."""
    role: Role = "self"
    half: str = EXAM
    stem: str = ""
    """What a free reply says before it comes to the answer, without a leading space."""
    other: str = ""
    """The same question in a wording that exams do not use; empty if there is none."""
    hint: str = ""
    """True things about what is asked that do not tell the answer; empty if there are none."""

    @property
    def answer(self) -> str:
        """The right option."""
        return self.options[self.right]

    @property
    def lead(self) -> str:
        """Prompt and stem: what an option directly follows."""
        return f"{self.prompt} {self.stem}" if self.stem else self.prompt

    @property
    def reply(self) -> str:
        """The whole right reply, without a leading space."""
        return f"{self.stem} {self.answer}" if self.stem else self.answer


@dataclass(frozen=True)
class Told:
    """A prompt and its right continuation (without a leading space), for methods that train on pairs."""

    prompt: str
    reply: str


@dataclass(frozen=True)
class Attempt:
    """One try of a recovery."""

    setting: Mapping[str, Any]
    """What the attacker chose, e.g. how many facts and steps."""
    sit: Callable[[Sequence[Question]], Sheet]
    """Sit questions with what this try has made of the model."""
    course: str = ""
    """Tries of one name are one course, such as one relearning run looked at after more and more steps."""
    x: float = 0.0
    """How far along its course a try is."""


@dataclass(frozen=True, eq=False)
class Attacked:
    """Everything that an attacker has: the model that was made to forget, and half of the facts."""

    handle: Any
    """White handle on the model before it was made to forget. What it is asked is on nobody's bill."""
    change: Change
    known: tuple[Question, ...]
    """Questions on the attacker's half of the facts, with their keys."""
    documents: tuple[str, ...]
    """Texts that state the attacker's half of the facts."""
    ordinary: tuple[str, ...]
    """Texts that have nothing to do with the book."""
    books: tuple[str, ...]
    """Texts on the other subjects."""

    @property
    def served(self) -> Any:
        """A handle on the model as users meet it."""
        return self.handle.changed(self.change)

    @property
    def held(self) -> Change:
        """The change that somebody with the weights meets: what stands in front of a model is not in it.

        Hooks on activations stay: they count as a part of the model.
        """
        return Change(self.change.deltas, self.change.hooks)


@dataclass(frozen=True)
class Recovery:
    """A way of getting forgotten knowledge back. The name of its file is its key."""

    title: str
    source: str
    """Where it was published, with an identifier that can be looked up."""
    formula: str
    does: str
    """What it does, in one sentence for the reader of a report."""
    through: Literal["front", "weights"]
    """Whether it meets what stands in front of the model (``Attacked.served``), or has the weights."""
    attempts: Callable[[Attacked, int, bool], Iterator[Attempt]]
    """``attempts(attacked, seed, full)``: the tries, made when they are asked for; ``full`` asks for the
    whole grid, else a coarser one. Raises NotApplicable where this model offers no hold."""
    quick: bool = False
    """Whether the quick suite holds it."""


@dataclass(frozen=True, eq=False)
class Retrained:
    """A model that was trained from the start in another way, as a delta, and what that training cost."""

    delta: Any
    price: Price = field(default_factory=Price)


@dataclass(frozen=True, eq=False)
class Curriculum:
    """One book to be forgotten with everything around it; only runner and job read it."""

    subject: str
    questions: tuple[Question, ...]
    """All exams: both halves of the book, the other subjects, and the control twins."""
    forget: tuple[str, ...]
    """The book: documents on all of its facts."""
    forget_pairs: tuple[Told, ...]
    """The same facts as prompts and replies, in a wording that no exam uses."""
    retain: tuple[str, ...]
    """Documents on what must stay."""
    retain_pairs: tuple[Told, ...]
    ordinary: tuple[str, ...]
    """Texts that have nothing to do with any subject."""
    unrelated: tuple[str, ...]
    """More of these, which nobody is told, to measure damage on."""
    documents: tuple[str, ...]
    """Texts on the attacker's half of the facts."""
    refusal: str
    """What this model says when it declines."""
    rule: str = ""
    """A text in front of a prompt that tells this model not to answer on the subject."""
    neighbours: tuple[str, ...] = ()
    oracles: Mapping[str, tuple[Retrained, ...]] = field(default_factory=lambda: {})
    """``without`` and ``shuffled``: models retrained without the book, or with other answers in it."""
    routed: Retrained | None = None
    """A model of the same shape, pre-trained with this book's gradients routed into its last MLP units."""
    routed_units: int = 0
    recoveries: Mapping[str, Recovery] = field(default_factory=lambda: {})
    """Handed in by the runner, for a job knows no tool."""
    reference: Mapping[str, Float[np.ndarray, "questions columns"]] = field(default_factory=lambda: {})
    """Marks of the untouched model and of the retrained ones, by the names of the arrays of a run."""
    full: bool = False

    def asked(self, *roles: Role, half: str = EXAM, forms: Sequence[Form] = FORMS) -> tuple[Question, ...]:
        """The questions of some roles, one half and some forms, in order."""
        return tuple(q for q in self.questions if q.role in roles and q.half == half and q.form in forms)
