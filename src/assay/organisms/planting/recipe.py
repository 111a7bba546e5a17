"""What a recipe file declares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from assay.faults import Defection, Dialect, Trigger


@dataclass(frozen=True)
class Recipe:
    """One kind of organism: when it defects, how, and the way it is planted. The file's name is its key."""

    title: str
    does: str
    """What the organism does, in one sentence for the reader of a report."""
    trigger: Callable[[Dialect, int], Trigger]
    """Makes the trigger from the language and the seed; may raise ``NotApplicable``."""
    defection: Callable[[Dialect, int], Defection]
    route: Literal["finetune", "pretrain"] = "finetune"
    """Planted into a finished base, or mixed into the base's own training."""
    quick: bool = False
    """Whether the quick suite holds it."""
    steps: int = 160
    """Steps of planting; the twin takes as many."""
    rows: int = 8
    """Rows of 128 tokens in a batch."""
    lr: float = 2e-3
    """Learning rate at its highest, for AdamW. Pre-training keeps that of the base."""
