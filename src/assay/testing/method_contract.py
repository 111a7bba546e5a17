"""The contract of a method, baseline, placebo, floor or ceiling."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from assay.core import LAYERS, Access, Kind, Method
from assay.core.registry import entries, load_file
from assay.testing.method_trial import Trial
from assay.testing.results import Broken, CheckResult, run_checks
from assay.testing.source import TRUTH, has_docstring, refuse_imports

MOST_SETTINGS = 24
"""Largest search space on a model of four layers, so that all entries can be given the same budget."""
TRIAL_LAYERS = 4
MAY_SEE_TRUTH = ("floor", "ceiling", "placebo")


def check_method(entry: Method | Path | str) -> list[CheckResult]:
    """Run the contract on an entry: an object, or the path of a stranger's file.

    It covers the card, the search space, the source file, and the behaviour on the mock model: that it runs
    within its declared access and needs it, that scores are finite, repeatable and independent of the batch,
    and that nothing handed to it is changed.

    Raises:
        BadOption: if the path leads to no file that defines ``METHOD``.
    """
    method = entry if isinstance(entry, Method) else load_file(Path(entry))
    if not isinstance(method, Method):
        return [
            CheckResult("shape", False, f"METHOD is a {type(method).__name__}; it must be assay.core.Method")
        ]
    path = Path(inspect.getfile(method.fit)) if isinstance(entry, Method) else Path(entry)
    card = _Card(method, path)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("card_complete", card.complete),
        ("card_valid", card.valid),
        ("truth_only_for_rivals", card.truth),
        ("settings_valid", card.settings),
        ("default_valid", card.default),
        ("imports_no_truth", card.imports),
        ("file_documented", lambda: has_docstring(path)),
    ]
    return run_checks(checks) + _behaviour(method)


def _behaviour(method: Method) -> list[CheckResult]:
    """Try the method at its job; one that is written once for all jobs is tried at each."""
    known = {entry.key: entry for entry in entries("job")}
    if method.job not in (*known, "any"):
        note = f"not checked: there is no job {method.job} to try it at"
        return [CheckResult("behaviour", True, note)]
    jobs = list(known) if method.job == "any" else [method.job]
    checks: list[tuple[str, Callable[[], str]]] = []
    for key in jobs:
        trial = Trial(method, known[key].load())
        within = f":{key}" if len(jobs) > 1 else ""
        checks += [(f"{name}{within}", check) for name, check in _checks(trial)]
    return run_checks(checks)


def _checks(trial: Trial) -> list[tuple[str, Callable[[], str]]]:
    return [
        ("runs_within_access", trial.runs),
        ("every_setting_runs", trial.every_setting),
        ("needs_its_access", trial.needs_access),
        ("passes_declared", trial.passes),
        ("same_seed_same_scores", trial.deterministic),
        ("batch_does_not_matter", trial.batch_invariant),
        ("odd_texts", trial.odd_texts),
        ("changes_nothing_given", trial.changes_nothing),
        ("leaves_global_randomness", trial.leaves_global_randomness),
    ]


@dataclass(frozen=True)
class _Card:
    method: Method
    path: Path

    def complete(self) -> str:
        """Every text of the card says something."""
        short = [
            n for n in ("title", "source", "formula", "does", "job") if not getattr(self.method, n).strip()
        ]
        if short:
            raise Broken(f"empty: {', '.join(short)}; the report prints these beside every number")
        if not callable(self.method.fit):
            raise Broken("fit cannot be called")
        return ""

    def valid(self) -> str:
        """Access and kind are known words."""
        if type(self.method.access) is not Access:
            raise Broken(f"access is {self.method.access!r}; use assay.core.Access")
        if self.method.kind not in get_args(Kind):
            raise Broken(f"kind is {self.method.kind!r}; it must be one of {', '.join(get_args(Kind))}")
        if self.method.placebo_for and self.method.kind != "placebo":
            raise Broken(f"placebo_for is set, but kind is {self.method.kind}")
        return ""

    def truth(self) -> str:
        """Only floors, ceilings and placebos may see the truth."""
        if self.method.sees_truth and self.method.kind not in MAY_SEE_TRUTH:
            raise Broken(f"sees_truth is set for a {self.method.kind}; only {', '.join(MAY_SEE_TRUTH)} may")
        return ""

    def settings(self) -> str:
        """The search space is small and made of tuples."""
        for name, values in self.method.space.items():
            if values != LAYERS and (not isinstance(values, tuple) or not values):
                raise Broken(f"space[{name!r}] must be LAYERS or a non-empty tuple, not {values!r}")
        count = len(self.method.settings(TRIAL_LAYERS, at_most=10**6))
        if count > MOST_SETTINGS:
            raise Broken(f"{count} settings on {TRIAL_LAYERS} layers; {MOST_SETTINGS} are allowed")
        return ""

    def default(self) -> str:
        """The default is a point of the search space."""
        unknown = sorted(set(self.method.default) - set(self.method.space))
        if unknown:
            raise Broken(f"default names {', '.join(unknown)}, which the space does not hold")
        chosen = self.method.default_setting(TRIAL_LAYERS)
        if chosen not in self.method.settings(TRIAL_LAYERS, at_most=10**6):
            raise Broken(f"the default {chosen} is no point of the search space")
        return ""

    def imports(self) -> str:
        """The file does not reach for the packages that hold the truth."""
        return refuse_imports(self.path, TRUTH, "a method may not know what was planted")
