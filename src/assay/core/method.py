"""A method: what it is, what it may touch, which settings it may try, and the function that does the work."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from assay.core.access import Access
from assay.core.answer import Answer

Kind = Literal["method", "baseline", "placebo", "floor", "ceiling"]
Setting = Mapping[str, Any]

LAYERS = "every residual layer"
"""Stands in a search space for the layers of whatever model the method meets."""
UNTRIGGERED = "untriggered"
TRIGGERED: Mapping[str, float] = {"triggered_0_1pct": 0.001, "triggered_1pct": 0.01, "triggered_10pct": 0.1}
"""Texts in which nothing sets the fault off, and those in which a share does, with the replies."""
TEXTS = ("", UNTRIGGERED, *TRIGGERED)
"""Everything that ``Method.text`` may name."""


@dataclass(frozen=True)
class Method:
    """One tool, baseline, placebo, floor or ceiling for a job. The name of its file is its key.

    ``fit(handle, brief, setting, seed)`` may call the handle, reads the job's brief, and returns an answer.
    """

    title: str
    job: str
    """Key of the job it does, or ``any`` for entries written once for all jobs."""
    kind: Kind
    access: Access
    source: str
    """Where the method was published, with an identifier that can be looked up."""
    formula: str
    """The computation in one or two lines of plain text or TeX-free mathematics."""
    does: str
    """What it does, in one sentence for the reader of a report."""
    fit: Callable[[Any, Any, Setting, int], Answer]
    space: Mapping[str, Any] = field(default_factory=lambda: {})
    """Settings to try on the select split: name -> tuple of values, or ``LAYERS``."""
    default: Mapping[str, Any] = field(default_factory=lambda: {})
    """Setting used where nothing can be selected; ``layer`` is given as a share of depth, e.g. 0.5."""
    passes: float = 1.0
    """Forward passes over each text shown, for the plan's estimate; 0 if the model is never asked."""
    sees_truth: bool = False
    """Only floors, ceilings and placebos may set this: the brief then carries the truth."""
    text: str = ""
    """Name of the unlabelled texts to be told, for jobs that have several; empty for none: see ``TEXTS``."""
    placebo_for: tuple[str, ...] = ()
    """For a placebo: keys of the methods whose insight it removes; empty means all."""

    def settings(self, n_layers: int, at_most: int) -> list[dict[str, Any]]:
        """List the settings of the search space, thinned evenly to the tuning budget.

        Layers run from 1 (after the first block) to ``n_layers``.
        """
        axes = {k: range(1, n_layers + 1) if v == LAYERS else v for k, v in self.space.items()}
        grid = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        if len(grid) <= at_most:
            return grid
        return [grid[round(i * (len(grid) - 1) / (at_most - 1))] for i in range(at_most)]

    def default_setting(self, n_layers: int) -> dict[str, Any]:
        """The setting to use where no other organism is at hand to select on."""
        first = {k: 1 if v == LAYERS else v[0] for k, v in self.space.items()}
        chosen = first | dict(self.default)
        if isinstance(chosen.get("layer"), float):
            chosen["layer"] = max(1, min(n_layers, round(chosen["layer"] * n_layers)))
        return chosen
