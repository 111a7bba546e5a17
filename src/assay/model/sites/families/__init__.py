"""One file per layout of a family's blocks; a family that none of them names is guessed from its modules."""

import importlib
import pkgutil
from functools import cache

from torch import nn

from assay.model.sites.families.guess import guess
from assay.model.sites.families.layout import Layout, Spot, enters, leaves

__all__ = ["Layout", "Spot", "enters", "find_layout", "leaves"]


def find_layout(model_type: str, trunk: nn.Module, block: nn.Module, width: int) -> Layout:
    """The layout of a family; raises NotApplicable where it is neither known nor to be guessed."""
    return _known().get(model_type) or guess(model_type, trunk, block, width)


@cache
def _known() -> dict[str, Layout]:
    files = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    layouts = [file.LAYOUT for file in files if "LAYOUT" in vars(file)]
    return {family: layout for layout in layouts for family in layout.families}
