"""Which files of the package a module needs, told from import statements alone; nothing is run."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2]


def needed(*modules: str) -> list[Path]:
    """The files of this package that modules import, directly or not, themselves included, in order of path.

    >>> [path.name for path in needed("assay.world.names")]
    ['names.py', 'text.py']
    """
    found: dict[str, Path] = {}
    ahead = list(modules)
    while ahead:
        name = ahead.pop()
        file = _file(name)
        if file and name not in found:
            found[name] = file
            ahead += _imports(file)
    return sorted(found.values())


def _file(module: str) -> Path | None:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _imports(file: Path) -> list[str]:
    return list(_named(ast.parse(file.read_text(encoding="utf-8"))))


def _named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
