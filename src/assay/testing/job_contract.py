"""The contract of a job, and the light contract of an organism's recipe."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.core import Access, Answer, Case, EditCase, Fault, Job, Marked, Probe
from assay.core.codec import dumps
from assay.core.registry import load_file
from assay.techniques.dictionaries.explanations.sheets import sheets
from assay.testing.mocks import mock_for
from assay.testing.results import Broken, CheckResult, run_checks
from assay.testing.source import TOOLS, TRUTH, has_docstring, refuse_imports

SEED = 3


def check_job(entry: Job | Path | str, path: Path | None = None) -> list[CheckResult]:
    """Run the contract on a job: an object, or the path of a stranger's file.

    It covers the card, that the brief gives nothing away, and that floor and ceiling exist and stand in the
    right order on the mock model.

    Raises:
        BadOption: if the path leads to no file that defines ``JOB``.
    """
    job = entry if isinstance(entry, Job) else load_file(Path(entry))
    if not isinstance(job, Job):
        return [CheckResult("shape", False, f"JOB is a {type(job).__name__}; it must be assay.core.Job")]
    trial = _JobTrial(job)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("card_complete", trial.card),
        ("brief_hides_truth", trial.brief),
        ("floor_below_ceiling", trial.ends),
        ("evaluates", trial.evaluates),
    ]
    where = path if isinstance(entry, Job) else Path(entry)
    if where is not None:
        checks += [
            ("file_documented", lambda: has_docstring(where)),
            (
                "imports_no_tools",
                lambda: refuse_imports(where, (*TOOLS, *TRUTH), "a job judges, it knows no tool"),
            ),
        ]
    return run_checks(checks)


def check_organism(path: Path | str) -> list[CheckResult]:
    """Run the light contract on a recipe's file: that it defines ``RECIPE``, says what it is, and knows no
    tool.

    Whether the fault takes is not checked here: that is the organism's own proof.

    Raises:
        BadOption: if there is no such file or it defines no ``RECIPE``.
    """
    where = Path(path)
    recipe = load_file(where)
    why = "an organism must not be made to suit a tool"
    return run_checks(
        [
            ("file_documented", lambda: has_docstring(where)),
            ("imports_no_tools", lambda: refuse_imports(where, TOOLS, why)),
            ("is_a_recipe", lambda: _recipe(recipe)),
        ]
    )


class _JobTrial:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._mock = mock_for(job)
        self._material = self._mock.material()

    def card(self) -> str:
        """Title and question say something."""
        if not self._job.title.strip() or not self._job.question.strip():
            raise Broken("title and question must say something; the report prints them")
        return ""

    def brief(self) -> str:
        """No case and no fault is within reach of what every method is told."""
        leaked = _reachable(self._job.brief(self._material), (Case, EditCase, Probe, Marked, Fault))
        if leaked:
            raise Broken(f"the brief holds a {leaked}; methods would see the truth")
        return ""

    def ends(self) -> str:
        """The oracle is selected over chance."""
        told = self._job.brief(self._material)
        known = self._job.truth(told, self._material)
        top, floor = (self._selected(answer) for answer in (known.oracle(), told.chance(SEED)))
        if not top > floor:
            raise Broken(f"select gives the oracle {top:.3g} and chance {floor:.3g}")
        return ""

    def evaluates(self) -> str:
        """What is stored is finite and can be written, on the organism and on its twin."""
        answer = self._job.brief(self._material).chance(SEED)
        answer, handle = self._mock.used(self._job, answer, self._handle())
        for twin in (False, True):
            _finite(self._job.evaluate(answer, handle, self._material, twin))
        if self._job.calibrate is not None:
            _finite(self._job.calibrate(answer, handle, self._material))
        if self._job.exhibit is not None:
            dumps(self._job.exhibit(answer, handle, self._material, sheets))
        return ""

    def _selected(self, answer: Answer) -> float:
        used, handle = self._mock.used(self._job, answer, self._handle(), "select")
        return self._job.select(used, handle, self._material)

    def _handle(self) -> Any:
        """A handle as an entry gets it; one that changes weights needs white access, the others none."""
        return self._mock.handle(Access.WHITE if self._job.act else Access.BLACK, None)


def _finite(arrays: Mapping[str, np.ndarray]) -> None:
    bad = [name for name, values in arrays.items() if not np.isfinite(np.asarray(values, dtype=float)).all()]
    if bad or not arrays:
        raise Broken(f"arrays that are not finite: {', '.join(bad)}" if bad else "no array was returned")


def _reachable(value: Any, kinds: tuple[type, ...]) -> str:
    """Name of the first forbidden type inside nested data, or an empty string."""
    if isinstance(value, kinds):
        return type(value).__name__
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
    elif isinstance(value, Mapping):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, tuple | list | set | frozenset):
        parts = list(value)
    else:
        parts = []
    return next((name for name in (_reachable(part, kinds) for part in parts) if name), "")


def _recipe(recipe: Any) -> str:
    if isinstance(recipe, str | int | float | bool | type(None)):
        raise Broken(f"RECIPE is a {type(recipe).__name__}; it must be a recipe object")
    return ""
