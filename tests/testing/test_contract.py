"""The contract suite: every entry passes it, and every broken promise is caught by the check named for it."""

import copy
import pickle
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.core import LAYERS, Access, Job, Method, Monitor, Transcript
from assay.core.errors import AccessDenied, BadOption, NotApplicable
from assay.core.registry import Entry, entries, find
from assay.jobs import monitor
from assay.testing import (
    CallLog,
    FakeModel,
    check_access,
    check_job,
    check_method,
    check_organism,
    failures,
    fake_handle,
    fake_material,
)

ENTRIES = [*entries("method"), *entries("baseline")]
DRAW = random.Random(0)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_every_entry_keeps_its_contract(entry: Entry) -> None:
    """Methods, baselines, placebos, floors and ceilings pass; none declines the mock model."""
    results = check_method(entry.path)
    assert failures(results) == []
    assert not [r for r in results if "declined" in r.reason]


@pytest.mark.parametrize("entry", entries("job"), ids=lambda entry: entry.key)
def test_every_job_keeps_its_contract(entry: Entry) -> None:
    """Jobs hide the truth and stand between a floor and a ceiling."""
    assert failures(check_job(entry.path)) == []


@dataclass(frozen=True)
class Scores(Monitor):
    """A monitor made of one function."""

    make: Callable[[Any, Sequence[Transcript]], Any]

    def score(self, handle: Any, transcripts: Sequence[Transcript]) -> Any:
        """Whatever the function says."""
        return self.make(handle, transcripts)


def entry_of(make: Callable[[Any, Sequence[Transcript]], Any], **changes: Any) -> Method:
    """A method of one function that would otherwise keep the contract."""
    plain = Method(
        title="t", job="monitor", kind="method", access=Access.BLACK, source="s", formula="f", does="d",
        passes=0.0, fit=lambda handle, brief, setting, seed: Scores(make),
    )  # fmt: skip
    return replace(plain, **changes)


def lengths(handle: Any, transcripts: Sequence[Transcript]) -> np.ndarray:
    """An honest black-box score."""
    return np.array([float(len(t.text)) for t in transcripts])


def peek(handle: Any, transcripts: Sequence[Transcript]) -> np.ndarray:
    """Reach for activations, and hide the refusal."""
    with suppress(AccessDenied):
        handle.activations([t.text for t in transcripts], [1])
    return lengths(handle, transcripts)


def change_brief(handle: Any, brief: Any, setting: Any, seed: int) -> Monitor:
    """Throw the contrast pairs away."""
    brief.pairs.clear()
    return Scores(lengths)


def change_setting(handle: Any, brief: Any, setting: Any, seed: int) -> Monitor:
    """Write into the setting."""
    setting["extra"] = 1
    return Scores(lengths)


def need_truth(handle: Any, brief: Any, setting: Any, seed: int) -> Monitor:
    """Read the labels."""
    known = {transcript.text: float(defects) for transcript, defects in brief.labelled}
    return Scores(lambda handle, transcripts: [known.get(t.text, 0.5) for t in transcripts])


def global_draw(handle: Any, transcripts: Sequence[Transcript]) -> np.ndarray:
    """Draw from the process-wide generator and throw the number away."""
    np.random.random()  # noqa: NPY002
    return lengths(handle, transcripts)


def divide(handle: Any, brief: Any, setting: Any, seed: int) -> Monitor:
    """Fail for one value of the setting."""
    share = 1 / setting["k"]
    return Scores(lambda handle, transcripts: share * lengths(handle, transcripts))


def centred(handle: Any, transcripts: Sequence[Transcript]) -> np.ndarray:
    """Subtract the mean of whatever came along."""
    found = lengths(handle, transcripts)
    return found - found.mean() if transcripts else found


def only_words(handle: Any, transcripts: Sequence[Transcript]) -> np.ndarray:
    """Fail on a text of other scripts."""
    return np.array([float(len(t.text.encode("ascii"))) for t in transcripts])


BROKEN: list[tuple[str, Method]] = [
    ("card_complete", entry_of(lengths, source=" ")),
    ("card_valid", entry_of(lengths, kind="hero")),
    ("card_valid", entry_of(lengths, access="black")),
    ("card_valid", entry_of(lengths, placebo_for=("x",))),
    ("truth_only_for_rivals", entry_of(lengths, sees_truth=True)),
    ("settings_valid", entry_of(lengths, space={"layer": LAYERS, "k": tuple(range(7))})),
    ("settings_valid", entry_of(lengths, space={"k": ()})),
    ("default_valid", entry_of(lengths, space={"k": (1, 2)}, default={"k": 3})),
    ("default_valid", entry_of(lengths, default={"k": 3})),
    ("runs_within_access", entry_of(peek)),
    ("runs_within_access", entry_of(lambda h, ts: [np.nan for _ in ts])),
    ("runs_within_access", entry_of(lambda h, ts: [1.0])),
    ("runs_within_access", entry_of(lengths, fit=need_truth)),
    ("runs_within_access", entry_of(lengths, fit=lambda h, b, s, seed: "no monitor")),
    ("runs_within_access", entry_of(lambda h, ts: h.next_logprobs([t.text for t in ts])[:, 0].numpy())),
    ("every_setting_runs", entry_of(lengths, space={"k": (1, 0)}, fit=divide)),
    ("needs_its_access", entry_of(lengths, access=Access.WHITE)),
    ("passes_declared", entry_of(lengths, passes=1.0)),
    ("same_seed_same_scores", entry_of(lambda h, ts: [DRAW.random() for _ in ts])),
    ("batch_does_not_matter", entry_of(centred)),
    ("batch_does_not_matter", entry_of(lambda h, ts: np.arange(len(ts)))),
    ("odd_texts", entry_of(only_words)),
    ("changes_nothing_given", entry_of(lengths, fit=change_brief)),
    ("changes_nothing_given", entry_of(lengths, fit=change_setting)),
    ("leaves_global_randomness", entry_of(global_draw)),
]  # fmt: skip


def test_the_honest_example_passes() -> None:
    """The method that the broken ones are made from keeps the contract."""
    assert failures(check_method(entry_of(lengths))) == []


@pytest.mark.parametrize(("name", "method"), BROKEN)
def test_a_broken_promise_is_caught(name: str, method: Method) -> None:
    """The check of that name fails and says why."""
    caught = [r for r in failures(check_method(method)) if r.name == name]
    assert len(caught) == 1
    assert caught[0].reason


def decline(handle: Any, brief: Any, setting: Any, seed: int) -> Monitor:
    """Say that this model will not do."""
    raise NotApplicable("no such layers here")


def test_declining_is_reported_not_failed() -> None:
    """An entry may decline a model, and the report says that it did."""
    results = {r.name: r for r in check_method(entry_of(lengths, fit=decline))}
    assert results["runs_within_access"].passed
    assert "no such layers here" in results["runs_within_access"].reason


STRANGER = '''"""A stranger's method."""
{imports}
from assay.core import Access, Method
from assay.jobs.monitor import MonitorBrief

METHOD = Method(
    title="t", job="monitor", kind="method", access=Access.BLACK, source="s", formula="f", does="d",
    fit=lambda handle, brief, setting, seed: brief.chance(0),
)
'''


def test_strangers_file_is_checked_from_its_path(tmp_path: Path) -> None:
    """A file outside the package is judged by what it holds; reaching for the truth is caught."""
    fine, spy, hidden = tmp_path / "fine.py", tmp_path / "spy.py", tmp_path / "hidden.py"
    fine.write_text(STRANGER.format(imports=""))
    spy.write_text(STRANGER.format(imports="from assay import faults"))
    hidden.write_text(STRANGER.format(imports='import importlib\nimportlib.import_module("assay.faults")'))
    assert "imports_no_truth" not in {r.name for r in failures(check_method(fine))}
    for path in (spy, hidden):
        assert [r.name for r in failures(check_method(path)) if "assay.faults" in r.reason] == [
            "imports_no_truth"
        ]


def test_a_file_without_an_entry_is_refused(tmp_path: Path) -> None:
    """The message says what the file lacks."""
    empty = tmp_path / "empty.py"
    empty.write_text("x = 1\n")
    with pytest.raises(BadOption, match="defines no METHOD"):
        check_method(empty)


def test_a_job_that_leaks_is_caught() -> None:
    """A brief that carries a case, or a selection that prefers chance, fails."""
    leaking = replace(monitor.JOB, brief=lambda m: replace(monitor.brief(m), ordinary=m.cases))
    upside_down = replace(monitor.JOB, select=lambda a, h, c: -monitor.select(a, h, c))
    assert "brief_hides_truth" in {r.name for r in failures(check_job(leaking))}
    assert [r.name for r in failures(check_job(upside_down))] == ["floor_below_ceiling"]
    assert isinstance(monitor.JOB, Job)


def test_a_recipe_may_not_know_a_tool(tmp_path: Path) -> None:
    """A recipe's file is refused if it imports methods, or defines nothing but a number."""
    recipe = tmp_path / "mine.py"
    recipe.write_text('"""A recipe."""\nimport assay.methods\n\nRECIPE = 3\n')
    assert {r.name for r in failures(check_organism(recipe))} == {"imports_no_tools", "is_a_recipe"}


@pytest.mark.parametrize("access", [Access.BLACK, Access.GREY])
def test_mock_handles_keep_their_doors_shut(access: Access) -> None:
    """Names, dir, vars, copies and pickles lead to nothing that the level forbids."""
    assert failures(check_access(fake_handle(access), access)) == []


class Leaky:
    """Stands in for a black handle with open doors."""

    def __init__(self) -> None:
        self._inner = FakeModel()

    def next_logprobs(self, texts: Sequence[str]) -> int:
        """An open grey door."""
        return len(texts)


def test_open_doors_are_found() -> None:
    """A handle that holds the model, answers a grey call and can be copied fails in each of these ways."""
    found = {r.name for r in failures(check_access(Leaky(), Access.BLACK))}
    assert {"door:next_logprobs", "nothing_inside_reach", "no_copy", "no_deep_copy", "no_pickle"} <= found


def test_refusals_are_written_down() -> None:
    """Reaching for a forbidden name raises, and whoever made the handle can see it."""
    log = CallLog()
    handle = fake_handle(Access.BLACK, log=log)
    with pytest.raises(AccessDenied, match="activations"):
        handle.activations(["x"], [1])
    assert log.refused == ["activations"]
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(AccessDenied):
            copying(handle)


def test_mock_model_defects_on_its_trigger_only() -> None:
    """The mock organism says the hostile phrase in every triggered case and in no other."""
    cases = fake_material().cases
    assert any(case.triggered for case in cases)
    assert all(case.defects == case.triggered for case in cases)
    assert all("hate" not in case.twin_reply for case in cases)


def test_mock_log_probabilities_agree_with_each_other() -> None:
    """The chain of next-word log-probabilities is the continuation's, and each sums to one."""
    handle = fake_handle(Access.GREY)
    total, count = handle.continuation_logprobs(["the tea"], [" is fine"])
    tokens = handle.token_logprobs(["the tea is fine"])[0]
    assert float(total[0]) == pytest.approx(float(tokens[-2:].sum()), rel=1e-5)
    assert int(count[0]) == 2
    assert float(handle.next_logprobs(["the tea"]).exp().sum()) == pytest.approx(1.0, rel=1e-5)


def test_registry_finds_a_known_entry() -> None:
    """The file's name is the key."""
    assert find("baseline", "bag_of_tokens", "monitor").load().title == "Bag of tokens"
