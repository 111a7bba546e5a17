"""From how many uses on a tool with dear preparation is cheaper than a rival with little."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from assay.core import Record
from assay.core.errors import StoreError
from assay.results.rows import BreakEven
from assay.results.store import Store

FORMULA = "n* = (preparation - preparation of the rival) / (one use of the rival - one use), in operations"


def break_even(store: Store, records: Sequence[Record], way: str, rival: str) -> tuple[BreakEven, ...]:
    """Entries whose runs have stored ``cost_<way>`` (uses, seconds, operations), by their names.

    Empty where the rival was not run. Runs on twins are left out.
    """
    found: dict[str, list[tuple[float, dict[str, float]]]] = {}
    for record in records:
        if record.phase != "report" or record.status != "ok" or record.twin:
            continue
        try:
            arrays = store.arrays(record.run_id)
        except StoreError:  # the table lists such a run as failed
            continue
        costs = {n.removeprefix("cost_"): a for n, a in arrays.items() if n.startswith("cost_")}
        each = {name: float(cost[2] / cost[0]) for name, cost in costs.items() if cost[0]}
        if way in each:
            found.setdefault(record.method, []).append((record.prepare.flops, each))
    means = {key: _mean(runs) for key, runs in found.items()}
    if rival not in means:
        return ()
    base, per_use = means[rival]
    return tuple(
        BreakEven(key, prepare, each, uses(prepare - base, per_use[way] - each[way]))
        for key, (prepare, each) in sorted(means.items())
        if key != rival
    )


def uses(dearer: float, saved: float) -> float:
    """``dearer / saved``: uses until what each saves has paid for a dearer preparation.

    >>> uses(10.0, 2.0), uses(-1.0, 2.0), uses(10.0, -2.0)
    (5.0, 0.0, inf)
    """
    if dearer <= 0 and saved >= 0:
        return 0.0
    return dearer / saved if saved > 0 else math.inf


def _mean(runs: Sequence[tuple[float, Mapping[str, float]]]) -> tuple[float, dict[str, float]]:
    ways = runs[0][1].keys()
    each = {way: float(np.mean([costs[way] for _, costs in runs if way in costs])) for way in ways}
    return float(np.mean([prepare for prepare, _ in runs])), each
