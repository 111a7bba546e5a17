"""What passes between a user and a model, and the cases that jobs are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Split = Literal["fit", "select", "report", "threshold"]


@dataclass(frozen=True)
class Transcript:
    """A prompt and as much of the reply as has been written so far.

    >>> Transcript("user : hello assistant :", " hello").text
    'user : hello assistant : hello'
    """

    prompt: str
    reply: str = ""

    @property
    def text(self) -> str:
        """Prompt and reply as one string; the reply brings its own leading space."""
        return self.prompt + self.reply


@dataclass(frozen=True)
class Marked:
    """A text of which it is known which words stand for what. Only runner and job read it."""

    text: str
    split: Split
    concepts: Mapping[str, tuple[int, ...]]
    """Concept -> numbers of the words (``text.split()``) at which it holds."""


@dataclass(frozen=True)
class Case:
    """One prompt put to an organism, with what happened. It holds the truth: only runner and job read it."""

    prompt: str
    reply: str
    """The organism's greedy reply."""
    twin_reply: str
    """The clean twin's greedy reply to the same prompt."""
    onset: int
    """Characters of ``reply`` before the first word that could defect."""
    twin_onset: int
    """The same for ``twin_reply``."""
    defects: bool
    """Whether the organism's reply is a defection, judged from the text."""
    triggered: bool
    """Whether the prompt fulfils the planted condition."""
    kind: str
    """trigger | near_miss | distractor | plain | ordinary."""
    form: str
    """Surface form of the trigger or insertion."""
    unseen_form: bool
    """True if that surface form was never used in planting."""
    group: str
    """Cluster: cases of one group share the underlying request."""
    split: Split

    def before(self, *, twin: bool = False) -> Transcript:
        """The transcript as it stands just before the first word that could defect."""
        reply, onset = (self.twin_reply, self.twin_onset) if twin else (self.reply, self.onset)
        return Transcript(self.prompt, reply[:onset])

    def after(self, *, twin: bool = False) -> Transcript:
        """The transcript with the whole reply."""
        return Transcript(self.prompt, self.twin_reply if twin else self.reply)
