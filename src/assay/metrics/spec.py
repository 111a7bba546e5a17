"""What a metric of a job is: a function of an organism's cases, one run's scores, and the groups' weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from assay.core import Better, Case
from assay.core.errors import BadOption
from assay.core.seed import fingerprint


@dataclass(frozen=True)
class CaseTable:
    """The cases of one organism as columns, and the arrays of one run beside them."""

    defects: Bool[np.ndarray, " report"]
    triggered: Bool[np.ndarray, " report"]
    kind: np.ndarray
    """Kind of each report case, as text."""
    unseen_form: Bool[np.ndarray, " report"]
    group: Int[np.ndarray, " report"]
    """Row of the weight matrix that each report case belongs to."""
    setters: Bool[np.ndarray, " report"]
    """Report cases of the half of the groups whose harmless cases may set a threshold."""
    ordinary_group: Int[np.ndarray, " threshold"]
    """Row of the weight matrix that each threshold case belongs to."""
    select_defects: Bool[np.ndarray, " select"]
    pools: tuple[int, ...]
    """Numbers of groups among report and among threshold cases: the first blocks of the weight matrix.

    Behind them every document of the job has a row of its own.
    """
    arrays: Mapping[str, Float[np.ndarray, " n"]] = field(default_factory=lambda: {})

    def documents(self, weights: Float[np.ndarray, "groups resamples"]) -> Float[np.ndarray, "documents r"]:
        """The rows of a weight matrix that stand for documents."""
        return weights[sum(self.pools) :]

    def with_arrays(self, arrays: Mapping[str, Float[np.ndarray, " n"]]) -> "CaseTable":
        """Attach the arrays of a run; raises ``BadOption`` if one does not fit the cases or is not finite."""
        sizes = {
            "report": len(self.defects),
            "threshold": len(self.ordinary_group),
            "select": len(self.select_defects),
        }
        for name, values in arrays.items():
            split = name.split("_")[0]
            if split in sizes and values.shape != (sizes[split],):
                shape = "x".join(map(str, values.shape))
                raise BadOption(f"array '{name}' holds {shape} scores for {sizes[split]} {split} cases")
            if split in sizes and not np.isfinite(values).all():
                raise BadOption(f"array '{name}' holds a score that is not finite")
        return replace(self, arrays={**self.arrays, **arrays})


class Sample(NamedTuple):
    """What a number is about."""

    n: int
    clusters: int
    """Independent units among them; of two classes, those of the rarer one, which limits the precision."""


def rarer(
    counted: Callable[[CaseTable], Bool[np.ndarray, " report"]], label: str = "defects"
) -> Callable[[CaseTable], Sample]:
    """Count cases, and the groups of the rarer class of a label among them."""

    def sample(table: CaseTable) -> Sample:
        cases, held = counted(table), getattr(table, label)
        groups = [len(np.unique(table.group[c])) for c in (cases & held, cases & ~held) if c.any()]
        return Sample(int(cases.sum()), min(groups))

    return sample


@dataclass(frozen=True)
class MetricSpec:
    """One metric of a job, with everything that a report prints beside its number."""

    key: str
    title: str
    formula: str
    unit: str
    better: Better
    needs: tuple[str, ...]
    """Arrays without which the metric is not applicable."""
    values: Callable[[CaseTable, Float[np.ndarray, "groups resamples"]], Float[np.ndarray, " resamples"]]
    """The metric of each resample; NaN where a resample lacks a class.

    Raises ``NotApplicable`` where the cases themselves lack one.
    """
    counted: Callable[[CaseTable], Sample]
    """What the number is about, and how many independent units that is."""
    bounds: tuple[float, float] = (0.0, 1.0)
    unaffected_by: tuple[str, ...] = ()
    """Placebos that take away nothing this metric measures: keys, or ``@twin`` for all runs on the twin."""
    drawn_only: bool = False
    """Stands in figures and in no table for people, for there are too many like it."""


@dataclass(frozen=True)
class Question:
    """A yes/no question about a job's entries, answered by one difference with its interval.

    It asks whether the mean of some entries is ahead of the best of their rivals. The mean, because the best
    of many is flattered by having been picked; the best rival, so that a yes is hard to get.
    """

    key: str
    text: str
    metric: str
    entries: tuple[str, ...]
    """Labels of the entries; those that were not run are left out."""
    rivals: tuple[str, ...]
    yes: str
    no: str
    """What is said if the interval lies below zero; between the two: not to be told apart."""


@dataclass(frozen=True)
class Course:
    """Metrics that are one quantity at several sizes, to be drawn as a line."""

    key: str
    title: str
    x_title: str
    points: tuple[tuple[float, str], ...]
    """(size, key of the metric there), ascending."""
    heading: str = "Scaling"
    """What courses of this heading stand under; those of one heading stand beside each other."""
    intro: str = "How each measure goes with the number of edits."
    """What a reader must know before the first of them."""


@dataclass(frozen=True)
class Panel:
    """The metrics of a job."""

    job: str
    specs: tuple[MetricSpec, ...]
    complete: Callable[[Mapping[str, CaseTable]], Mapping[str, CaseTable]] = dict
    """Adds arrays that need several organisms: tables of one method by organism -> the same, completed."""
    questions: tuple[Question, ...] = ()
    courses: tuple[Course, ...] = ()
    break_even: tuple[str, str] | None = None
    """(way of use, key of the rival) by which it is asked from when on a dear preparation pays."""
    twin: str = "The twin was trained the same way, but nothing was planted."
    """What a reader must know of the twin that methods also ran on."""
    headline: tuple[str, ...] = ()
    """Metrics that stand in the first table; the first three where none are named."""


def case_table(cases: Sequence[Case]) -> CaseTable:
    """Turn the cases of one organism into columns.

    >>> case = Case("p", "r", "r", 0, 0, True, True, "trigger", "f", False, "g", "report")
    >>> case_table([case]).pools
    (1, 0)
    """
    report = [case for case in cases if case.split == "report"]
    ordinary = [case for case in cases if case.split == "threshold"]
    names, group = _index([case.group for case in report])
    ordinary_names, ordinary_group = _index([case.group for case in ordinary])
    half = np.array([int(fingerprint("setter", name), 16) % 2 == 0 for name in names], dtype=bool)
    return CaseTable(
        defects=np.array([case.defects for case in report], dtype=bool),
        triggered=np.array([case.triggered for case in report], dtype=bool),
        kind=np.array([case.kind for case in report], dtype=str),
        unseen_form=np.array([case.unseen_form for case in report], dtype=bool),
        group=group,
        setters=half[group],
        ordinary_group=ordinary_group + len(names),
        select_defects=np.array([case.defects for case in cases if case.split == "select"], dtype=bool),
        pools=(len(names), len(ordinary_names)),
    )


def _index(names: list[str]) -> tuple[list[str], Int[np.ndarray, " n"]]:
    """Number the distinct names in sorted order."""
    distinct = sorted(set(names))
    row = {name: i for i, name in enumerate(distinct)}
    return distinct, np.array([row[name] for name in names], dtype=np.int64)
