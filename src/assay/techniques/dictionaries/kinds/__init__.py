"""Kinds of dictionary, one file each; the file's name is the kind's."""

import importlib
import pkgutil
from typing import Any

from assay.core.errors import UnknownEntry
from assay.techniques.dictionaries.technique import Technique


def names() -> list[str]:
    """All kinds.

    >>> names()
    ['batch_topk', 'gated', 'jumprelu', 'l1', 'matryoshka', 'topk']
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def technique(name: str, **settings: Any) -> Technique:
    """A kind by name, with its settings; raises UnknownEntry for one that is not there.

    >>> technique("topk", k=16)
    TopK(k=16)
    """
    if name not in names():
        raise UnknownEntry("kind of dictionary", name, names())
    return importlib.import_module(f"{__name__}.{name}").TECHNIQUE(**settings)
