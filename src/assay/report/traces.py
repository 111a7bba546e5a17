"""Maps of where restoring a part of a model brings a fact back, as runs have left them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core import Record
from assay.core.codec import Mismatch, build
from assay.core.errors import DamagedRecord
from assay.results.store import Store

ROLES = ("first subject", "middle subject", "last subject", "first after", "further", "last")
"""Places in a text, in the order of the stored rows."""
PARTS = {"resid": "stream", "mlp": "MLPs", "attn": "attention"}


@dataclass(frozen=True)
class Trace:
    """Mean indirect effects on one organism, and how well facts can be edited at each layer."""

    trace: Mapping[str, tuple[tuple[float | None, ...], ...]]
    """Part -> role -> layer; None where no fact has the place."""
    edited: tuple[float, ...]
    """P(new) after an edit at each layer."""

    def __post_init__(self) -> None:
        layers = len(self.edited)
        for part, rows in self.trace.items():
            if len(rows) != len(ROLES) or any(len(row) != layers for row in rows):
                raise ValueError(f"the map of {part} has not {len(ROLES)} rows of {layers} layers")

    @property
    def cells(self) -> Sequence[Mapping[str, Any]]:
        """Every number of the map with its row and its layer (from 1), top row first."""
        rows = [
            (f"{title}: {role}", values)
            for part, title in PARTS.items()
            if part in self.trace
            for role, values in zip(ROLES, self.trace[part], strict=True)
            if any(value is not None for value in values)
        ]
        return [
            {"row": row, "layer": layer, "effect": value}
            for row, values in rows
            for layer, value in enumerate(values, 1)
            if value is not None
        ]


@dataclass(frozen=True)
class Traced:
    """A run that left a map, or the reason why its map cannot be drawn."""

    record: Record
    trace: Trace | None
    lost: str = ""


def traced(store: Store, records: Iterable[Record]) -> tuple[Traced, ...]:
    """The finished report runs that have a map, whole or damaged."""
    found: list[Traced] = []
    for record in records:
        if (record.phase, record.status) != ("report", "ok"):
            continue
        try:
            data = store.exhibit(record.run_id)
            if "trace" in data:
                found.append(Traced(record, build(Trace, {k: data[k] for k in ("trace", "edited")})))
        except (DamagedRecord, Mismatch, KeyError) as error:
            lost = f"exhibits/{record.run_id}.json cannot be shown ({error}); remove it and run again"
            found.append(Traced(record, None, lost))
    return tuple(found)
