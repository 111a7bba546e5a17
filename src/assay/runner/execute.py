"""Execute a plan: build the organisms, tune, report; resumable, in several processes, killed without harm."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.core.registry import find
from assay.results.store import Store
from assay.runner.plan import Plan, Planned
from assay.runner.pool import Pool
from assay.runner.progress import Progress
from assay.runner.work import Built, Share, build_one, measure_one, run_one, train_one

WAIT_SECONDS = 0.3
PHASES = ("tune", "report")
STEPS = 5
"""Of building an organism: two halves are trained, two are measured, and the whole is proved."""
PARTS = 3
"""Parts that tools are dealt out into where they change models, and so share few passes."""


@dataclass(frozen=True)
class Finished:
    """What ``execute`` returns: where the records lie and what did not work."""

    folder: Path
    invalid: tuple[str, ...]
    """Organisms whose proof failed; nothing was scored on them."""
    failed: tuple[str, ...]
    """Runs that ended in an error of the method."""


def execute(plan: Plan, folder: Path, show: bool = True) -> Finished:
    """Do everything in the plan that the folder does not hold yet.

    Another process may work on the same folder: each run is claimed before it is made, and one that
    somebody else holds is waited for. Killed at any instant, the same call goes on from there.

    Raises:
        AssayError: the folder holds other conditions, cannot be written, or the base cannot be used.
    """
    described = {name: part for name, part in plan.to_json().items() if name != "cells"}
    store = Store.create(folder, described)
    with Progress(show) as progress, Pool(plan.options, progress.note) as pool:
        built = _build(plan, store, pool, progress)
        valid = [o for o in plan.buildable if built[o.id].valid]
        for phase in PHASES:
            _run_phase(plan, phase, valid, built, store, pool, progress)
    failed = [r.run_id for r in store.records() if r.status == "failed"]
    invalid = [o.id for o in plan.buildable if not built[o.id].valid]
    return Finished(folder, tuple(invalid), tuple(failed))


def _build(plan: Plan, store: Store, pool: Pool, progress: Progress) -> dict[str, Built]:
    wanted = plan.buildable
    halves = [(organism, half, plan.options) for organism in wanted for half in (False, True)]
    with progress.stage("organisms", STEPS * len(wanted)):
        # an organism is trained and measured in halves, so that all cores have work to the end
        pool.run_all(train_one, halves)
        pool.run_all(measure_one, halves)
        built: list[Built] = pool.run_all(build_one, [(o, plan.options, store) for o in wanted])
    return {one.organism: one for one in built}


def _run_phase(
    plan: Plan,
    phase: str,
    organisms: Sequence[Planned],
    built: dict[str, Built],
    store: Store,
    pool: Pool,
    progress: Progress,
) -> None:
    changes = find("job", plan.options.job).load().act is not None
    parts = PARTS if changes else 1
    # the longest first, so that all cores have work to the end: those that write, or those that train
    kinds = ((False, changes), (False, not changes), (True, True), (True, False))
    shares = [
        Share(o, phase, twin, white, part, parts)
        for twin, white in kinds
        for part in range(parts)
        for o in organisms
    ]
    ids = {share: [cell.run_id for cell in share.cells(plan)] for share in shares}
    every = [run_id for of_one in ids.values() for run_id in of_one]
    with progress.stage({"tune": "settings", "report": "reports"}[phase], len(every)):
        progress.note("resumed", len(every) - len(store.missing(every)))
        while open_ := [share for share in shares if store.missing(ids[share])]:
            calls = [(plan.options, share, built[share.organism.id], store) for share in open_]
            if not sum(pool.run_all(run_one, calls)):
                time.sleep(WAIT_SECONDS)  # another process holds what is left
