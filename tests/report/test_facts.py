"""What is known about methods: from the plan first, from parsed files second, never by importing."""

from assay.core.registry import entries
from assay.report.facts import Facts, distinct, job_facts, method_facts


def test_installed_methods_are_described() -> None:
    """Every registered entry of the job should have at least a title, read from its file."""
    facts = method_facts({}, "monitor")
    keys = {e.key for group in ("method", "baseline") for e in entries(group, "monitor")}
    assert {key for key in keys if facts[key].title} == keys


def test_the_plan_goes_before_the_installed_file() -> None:
    """What was stored with the run should be shown, even if the method has changed since."""
    plan = {
        "methods": {"lda_probe": {"title": "Old name", "does": 3}, "mine": {"title": "Mine", "formula": "x"}}
    }
    facts = method_facts(plan, "monitor")
    assert facts["lda_probe"] == Facts(title="Old name")
    assert facts["mine"] == Facts(title="Mine", formula="x")


def test_odd_plans_are_survived() -> None:
    """A plan of another shape should be read as one that says nothing."""
    assert method_facts({"methods": [1, 2]}, "monitor") == method_facts({}, "monitor")
    assert job_facts({"jobs": 3}, "no such job").title == "no such job"


def test_job_is_described() -> None:
    """The job's question should be read from its file, or from the plan where it is stored."""
    assert job_facts({}, "monitor").question
    assert job_facts({"jobs": {"monitor": {"title": "T", "question": "Q"}}}, "monitor").question == "Q"


def test_shared_titles_are_told_apart() -> None:
    """Only titles that several methods share should get their key added."""
    facts = distinct({"a": Facts("Probe"), "b": Facts("Probe"), "c": Facts("Other"), "d": Facts("")})
    assert [f.title for f in facts.values()] == ["Probe (a)", "Probe (b)", "Other", ""]
