"""Assay: which interpretability tool does which job better than the plain alternative.

The names below are the whole public interface for running and reading assays. What authors of methods,
jobs and organisms need stands in ``assay.core``, ``assay.access`` and ``assay.testing``.

>>> import assay
>>> assay.plan.__name__, assay.table.__name__
('plan', 'table')
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.api import Edited, Plan, Run, Stored, build, build_base, convert, edit, plan, run, stored
    from assay.report.site import write_report
    from assay.results.rows import Table
    from assay.results.table import table

__version__ = "0.1.0"
__all__ = [
    "Edited",
    "Plan",
    "Run",
    "Stored",
    "Table",
    "build",
    "build_base",
    "convert",
    "edit",
    "plan",
    "run",
    "stored",
    "table",
    "write_report",
]

_ELSEWHERE = {
    "Table": "assay.results.rows",
    "table": "assay.results.table",
    "write_report": "assay.report.site",
}


def __getattr__(name: str) -> Any:
    # torch takes seconds to import; neither --help nor a listing, a table or a report needs it
    if name in __all__:
        return getattr(importlib.import_module(_ELSEWHERE.get(name, "assay.api")), name)
    raise AttributeError(f"module 'assay' has no attribute '{name}'")
