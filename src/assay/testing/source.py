"""What an entry's source file may import, read without running it."""

import ast
from pathlib import Path

from assay.testing.results import Broken

TRUTH = ("assay.organisms", "assay.faults")
"""Packages that hold the planted truth."""
TOOLS = ("assay.methods", "assay.baselines")


def imported(path: Path) -> set[str]:
    """Every module that a file names in an import, anywhere in it.

    >>> "ast" in imported(Path(__file__))
    True
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and node.args and _names_import(node.func):
            found |= {str(a.value) for a in node.args if isinstance(a, ast.Constant)}
    return found


def refuse_imports(path: Path, forbidden: tuple[str, ...], why: str) -> str:
    """Raise ``Broken`` if the file imports one of the packages or anything inside them."""
    bad = sorted(m for m in imported(path) if any(m == f or m.startswith(f"{f}.") for f in forbidden))
    if bad:
        raise Broken(f"{path.name} imports {', '.join(bad)}; {why}")
    return ""


def has_docstring(path: Path) -> str:
    """Raise ``Broken`` if the file does not begin with a docstring, which is what listings print."""
    if not (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").strip():
        raise Broken(f"{path.name} has no docstring; its first line is what `assay list` prints")
    return ""


def _names_import(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("import_module", "__import__")
