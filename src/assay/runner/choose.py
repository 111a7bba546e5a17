"""Choose settings: on the select split of other organisms, never on the one that is reported."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core import Record, Setting
from assay.runner.plan import Plan, Planned


@dataclass(frozen=True)
class Choice:
    """A setting and the organisms whose select split it was chosen on (none: the default)."""

    setting: Setting | None
    selected_on: tuple[str, ...]


def choose(plan: Plan, tool: str, organism: Planned, tuned: Mapping[str, Record], n_layers: int) -> Choice:
    """The setting with the best mean select score over the other organisms; ties go to the earlier one.

    Organisms whose trigger is of another family count; only where there are none do other seeds of the same
    family. What sets off the reported organism is therefore unknown to the choice. ``tuned`` maps organism
    ids to the tool's tune records.
    """
    settings = plan.tools[tool].method.settings(n_layers, plan.options.tuning)
    others = _others(plan, organism, tuned)
    if len(settings) < 2 or not others:
        return Choice(settings[0] if len(settings) == 1 else None, ())
    scores = np.array([_scores(tuned[other], len(settings)) for other in others])
    best = int(np.argmax(scores.mean(axis=0)))
    return Choice(settings[best], tuple(others))


def by_tool(records: Iterable[Record]) -> dict[str, dict[str, Record]]:
    """Sort the tune records that are whole: tool -> organism -> record."""
    sorted_: dict[str, dict[str, Record]] = {}
    for record in records:
        if record.phase == "tune" and record.status == "ok":
            sorted_.setdefault(record.method, {})[record.organism] = record
    return sorted_


def _others(plan: Plan, organism: Planned, tuned: Mapping[str, Any]) -> Sequence[str]:
    rest = [o for o in plan.buildable if o.id != organism.id and o.id in tuned]
    return sorted(o.id for o in rest if o.family != organism.family) or sorted(o.id for o in rest)


def _scores(record: Record, n: int) -> list[float]:
    return [record.values[f"setting_{number}"] for number in range(n)]
