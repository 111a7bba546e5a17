"""One stored row per run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from assay.core.method import Kind
from assay.core.price import Price

SCHEMA = 1
"""Version of the run folder's layout; another number is refused with a clear error."""

Phase = Literal["tune", "report"]
Status = Literal["ok", "denied", "over_budget", "not_applicable", "failed"]


@dataclass(frozen=True)
class Record:
    """What one run did, cost and found. Arrays of per-case scores lie beside it under the same id."""

    run_id: str
    phase: Phase
    job: str
    organism: str
    """Id of the organism (recipe and seed)."""
    recipe: str
    seed: int
    twin: bool
    """True if the method ran on the clean twin instead of the organism."""
    method: str
    kind: Kind
    access: str
    status: Status
    setting: Mapping[str, Any] = field(default_factory=lambda: {})
    selected_on: tuple[str, ...] = ()
    """Ids of the organisms whose select split chose the setting; empty means the default was used."""
    values: Mapping[str, float] = field(default_factory=lambda: {})
    """Point values of this run's metrics; intervals are made by the table."""
    prepare: Price = field(default_factory=Price)
    use: Price = field(default_factory=Price)
    error: str = ""
    versions: Mapping[str, str] = field(default_factory=lambda: {})
    started: str = ""
    """UTC time, ISO 8601."""
    schema: int = SCHEMA
