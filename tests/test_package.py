"""The package as a whole: its public names, documents that match the disk, files that hide nothing."""

import ast
import importlib
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import assay
from assay.core import Method
from assay.core.registry import FOLDERS, entries, load_file
from assay.testing import check_job, check_method, check_organism, failures

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "assay"
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(PACKAGE)], "assay."))
CONTRACTS = {"METHOD": check_method, "JOB": check_job, "RECIPE": check_organism}


def test_the_public_names() -> None:
    """What ``import assay`` offers is this list, and each name is there."""
    types = ["Edited", "Plan", "Run", "Stored", "Table"]
    verbs = ["build", "build_base", "convert", "edit", "plan", "run", "stored", "table", "write_report"]
    assert assay.__all__ == sorted([*types, *verbs])
    assert all(getattr(assay, name) is not None for name in assay.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        assay.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    """``import assay`` must not load torch or numpy."""
    code = "import assay, sys; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_version_is_stated_once() -> None:
    """Pyproject and package agree."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == assay.__version__


def test_python_dash_m_is_the_command() -> None:
    """``python -m assay`` prints what ``assay`` prints."""
    ended = subprocess.run(
        [sys.executable, "-m", "assay", "list", "jobs", "--json"], capture_output=True, text=True, check=True
    )
    assert [row["name"] for row in json.loads(ended.stdout)] == [entry.key for entry in entries("job")]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported_and_says_what_it_is(name: str) -> None:
    """Importing works without side effects on the argument list, and the docstring is a sentence."""
    module = importlib.import_module(name)
    assert module.__doc__
    assert module.__doc__.strip().splitlines()[0].rstrip().endswith((".", "?", ":")), module.__doc__


def test_every_folder_of_code_is_a_package() -> None:
    """A folder without ``__init__.py`` would be left out of doctests and layers."""
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_tree_in_the_readme_is_the_tree_on_disk() -> None:
    """Every line of the layout exists, and nothing on disk is missing from it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = re.search(r"```\nsrc/assay/\n(.*?)```", readme, re.DOTALL)
    assert tree
    inside = set(re.findall(r"^[├└]── (\S+)", tree[1], re.MULTILINE))
    here = {
        p.name + ("/" if p.is_dir() else "")
        for p in PACKAGE.iterdir()
        if not p.name.startswith(("__pycache__", "."))
    }
    assert inside == here
    beside = re.findall(r"^(\w+/)", tree[1], re.MULTILINE)
    assert beside
    assert all((ROOT / name).is_dir() for name in beside)


def test_commands_in_the_readme_exist() -> None:
    """Each ``assay VERB`` and each ``make TARGET`` that the README shows is there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    helped = subprocess.run(
        [sys.executable, "-m", "assay", "--help"], capture_output=True, text=True, check=True
    ).stdout
    verbs = set(re.findall(r"^    assay (\w+)", readme, re.MULTILINE))
    assert verbs
    assert {verb for verb in verbs if f" {verb} " not in helped} == set()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"make (\w+) ", readme))
    assert {target for target in targets if f"\n{target}: " not in makefile} == set()


@pytest.mark.parametrize("symbol", list(CONTRACTS))
def test_the_entries_shown_to_contributors_keep_the_contract(symbol: str, tmp_path: Path) -> None:
    """Each file shown in CONTRIBUTING.md passes the contract suite as it stands."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = [
        block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if f"{symbol} = " in block
    ]
    assert len(shown) == 1
    file = tmp_path / "shown.py"
    file.write_text(shown[0], encoding="utf-8")
    assert failures(CONTRACTS[symbol](file)) == []


@pytest.mark.parametrize("group", list(FOLDERS))
def test_no_two_entries_share_a_key(group: str) -> None:
    """A key names one file; methods and baselines of a job share a table, so they must differ too."""
    keys = [(entry.job, entry.key) for entry in entries(group)]
    if group == "method":
        keys += [(entry.job, entry.key) for entry in entries("baseline")]
    assert len(keys) == len(set(keys))


def test_a_registered_file_is_the_same_entry_as_a_strangers() -> None:
    """Loading by key and by path give equal cards."""
    entry = next(e for e in entries("method") if e.key == "lda_probe")
    by_path = load_file(entry.path)
    assert isinstance(by_path, Method)
    assert by_path.title == entry.load().title


def test_nothing_imports_with_a_star_or_prints_on_import() -> None:
    """No star imports, and no ``print`` at the top level of a module."""
    for file in PACKAGE.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        stars = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
        calls = [n for n in tree.body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
        printed = [n for n in calls if isinstance(n.value, ast.Call) and ast.unparse(n.value.func) == "print"]
        assert not stars + printed, file
