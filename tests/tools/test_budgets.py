"""Size budgets: what is too long is named, docstrings and ``self`` do not count."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def budgets() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("budgets", ROOT / "tools" / "budgets.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository within its budgets."""
    for folder in ("src", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "small.py").write_text("def f(a):\n    return a\n")
    return tmp_path


def test_a_small_tree_is_within_budget(budgets: ModuleType, tree: Path) -> None:
    """Nothing to say, exit code 0."""
    assert budgets.violations(tree) == []
    assert budgets.main(tree) == 0


@pytest.mark.parametrize(("lines", "over"), [(400, False), (401, True)])
def test_the_length_of_a_file(budgets: ModuleType, tree: Path, lines: int, over: bool) -> None:
    """400 lines pass and 401 do not."""
    (tree / "src" / "long.py").write_text("x = 1\n" * lines)
    assert any("long.py" in line for line in budgets.violations(tree)) is over


@pytest.mark.parametrize(("body", "over"), [(59, False), (60, True)])
def test_the_length_of_a_function(budgets: ModuleType, tree: Path, body: int, over: bool) -> None:
    """The head counts, the docstring does not: 60 lines pass and 61 do not."""
    text = 'def g():\n    """Said.\n' + "    more\n" * 80 + '    """\n' + "    x = 1\n" * body
    (tree / "src" / "long.py").write_text(text)
    assert any("g: " in line for line in budgets.violations(tree)) is over


@pytest.mark.parametrize(("folder", "over"), [("src", True), ("tests", False)])
def test_the_number_of_parameters(budgets: ModuleType, tree: Path, folder: str, over: bool) -> None:
    """Seven pass beside ``self``, eight do not; in tests they are fixtures and may be more."""
    (tree / folder / "wide.py").write_text(
        "class C:\n"
        "    def seven(self, a, b, c, d, *, e, f, g): ...\n"
        "    def eight(self, a, b, c, d, e, f, g, h): ...\n"
    )
    found = " ".join(budgets.violations(tree))
    assert ("eight" in found) is over
    assert "seven" not in found


def test_nested_functions_count(budgets: ModuleType, tree: Path) -> None:
    """A long function cannot hide inside a class or another function."""
    (tree / "src" / "deep.py").write_text("def f():\n  def g():\n" + "    x = 1\n" * 61)
    assert any(line.startswith("src/deep.py:2 g") for line in budgets.violations(tree))


def test_the_summary_warns_of_few_tests(budgets: ModuleType, tree: Path) -> None:
    """Too little test is a warning, not a failure."""
    (tree / "src" / "more.py").write_text("x = 1\n" * 10)
    assert "WARNING" in budgets.summary(tree)
    assert budgets.main(tree) == 0
