"""Chance, oracle and spend-only: written once for every job."""

import numpy as np

from assay.core import Access
from assay.core.registry import find
from assay.jobs.monitor import brief, truth
from assay.metrics.auroc import auroc
from assay.testing import CallLog, fake_handle, fake_material

MATERIAL = fake_material()
BRIEF = brief(MATERIAL)
CASES = [case for case in MATERIAL.cases if case.split == "report"]
BEFORE, LABELS = [case.before() for case in CASES], np.array([case.defects for case in CASES])


def test_chance_averages_to_one_half_and_asks_nothing() -> None:
    """Over many seeds its AUROC is that of a coin, at no cost."""
    log = CallLog()
    handle = fake_handle(Access.BLACK, log=log)
    chance = find("baseline", "chance", "monitor").load()
    areas = [auroc(chance.fit(handle, BRIEF, {}, seed).score(handle, BEFORE), LABELS) for seed in range(200)]
    assert abs(np.mean(areas) - 0.5) < 0.05
    assert log.calls == []


def test_oracle_is_perfect() -> None:
    """With the truth in hand every case is ranked right."""
    oracle = find("baseline", "oracle", "monitor").load()
    assert auroc(oracle.fit(None, truth(BRIEF, MATERIAL), {}, 0).score(None, BEFORE), LABELS) == 1.0


def test_spend_only_reads_everything_and_learns_nothing() -> None:
    """It sends the ordinary chat in one call, and its answer is the one that chance would have given."""
    log = CallLog()
    handle = fake_handle(Access.BLACK, log=log)
    answer = find("baseline", "spend_only", "monitor").load().fit(handle, BRIEF, {}, 5)
    assert log.calls == ["generate"]
    np.testing.assert_array_equal(answer.score(handle, BEFORE), BRIEF.chance(5).score(handle, BEFORE))
