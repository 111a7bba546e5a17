"""Finds entries by looking at files: the file's name is the key, and listing imports nothing.

An entry is any module without a leading underscore in one of the known folders. It must define one name in
capitals that says what it is: ``JOB``, ``METHOD``, ``RECIPE`` or ``RECOVERY``.
"""

import ast
import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from assay.core.errors import BadOption, UnknownEntry

FOLDERS: Mapping[str, str] = {
    "job": "assay.jobs",
    "organism": "assay.organisms",
    "method": "assay.methods",
    "baseline": "assay.baselines",
    "recovery": "assay.techniques.recoveries",
}
_FLAT = ("job", "organism", "recovery")
"""Groups whose files stand in one folder; the others have a folder for each job."""
_SYMBOL = {
    "job": "JOB",
    "organism": "RECIPE",
    "method": "METHOD",
    "baseline": "METHOD",
    "recovery": "RECOVERY",
}


@dataclass(frozen=True)
class Entry:
    """A registered file, known without importing it."""

    group: str
    """job | organism | method | baseline | recovery."""
    key: str
    module: str
    path: Path
    job: str = ""
    """For methods and baselines: the folder they stand in, i.e. their job or ``any_job``."""

    @property
    def summary(self) -> str:
        """First line of the module's docstring, read without running the module."""
        doc = ast.get_docstring(ast.parse(self.path.read_text(encoding="utf-8"))) or ""
        return doc.strip().splitlines()[0] if doc else ""

    @property
    def said(self) -> Mapping[str, ast.expr]:
        """The arguments in ``METHOD = Method(...)``, ``JOB`` or ``RECIPE``, read without running the file.

        Empty if the object is made in any other way; raises ``SyntaxError`` if the file is no Python.

        >>> ast.literal_eval(find("baseline", "chance").said["title"])
        'Chance'
        """
        for node in ast.parse(self.path.read_text(encoding="utf-8")).body:
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
                continue
            if any(isinstance(to, ast.Name) and to.id == _SYMBOL[self.group] for to in node.targets):
                return {keyword.arg: keyword.value for keyword in node.value.keywords if keyword.arg}
        return {}

    def load(self) -> Any:
        """Import the file and return the object that it defines."""
        return _entry_object(importlib.import_module(self.module), _SYMBOL[self.group], self.path)


def entries(group: str, job: str | None = None) -> tuple[Entry, ...]:
    """List the entries of a group, for one job if given, sorted by key.

    >>> [entry.key for entry in entries("job")]
    ['edit', 'enumerate', 'monitor', 'unlearn']
    """
    package = FOLDERS[group]
    spec = importlib.util.find_spec(package)
    roots = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    found: list[Entry] = []
    for root in roots:
        if group in _FLAT:
            found += [Entry(group, f.stem, f"{package}.{f.stem}", f) for f in _modules(root)]
            continue
        for folder in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("_")):
            if job is None or folder.name in (job, "any_job"):
                found += [
                    Entry(group, f.stem, f"{package}.{folder.name}.{f.stem}", f, folder.name)
                    for f in _modules(folder)
                ]
    return tuple(sorted(found, key=lambda entry: entry.key))


def find(group: str, key: str, job: str | None = None) -> Entry:
    """Return one entry, or raise ``UnknownEntry`` with the nearest names."""
    known = entries(group, job)
    for entry in known:
        if entry.key == key:
            return entry
    raise UnknownEntry(group, key, [entry.key for entry in known])


def load_file(path: Path) -> Any:
    """Import a stranger's file (a method, job or organism) and return the object it defines."""
    if not path.is_file():
        raise BadOption(
            f"{path}: no such file; give the path of a Python file that defines METHOD, JOB or RECIPE"
        )
    spec = importlib.util.spec_from_file_location(f"assay_entry_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise BadOption(f"{path}: not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadOption(f"{path}: importing it failed: {type(error).__name__}: {error}") from error
    return _entry_object(module, None, path)


def _modules(folder: Path) -> list[Path]:
    return sorted(f for f in folder.glob("*.py") if not f.name.startswith("_"))


def _entry_object(module: ModuleType, symbol: str | None, path: Path) -> Any:
    for name in [symbol] if symbol else sorted(set(_SYMBOL.values())):
        if name in vars(module):
            return vars(module)[name]
    wanted = symbol or "METHOD, JOB or RECIPE"
    raise BadOption(f"{path}: defines no {wanted}; see CONTRIBUTING.md for the shape of an entry")
