"""Languages in which faults can be planted: the World's, or that of any text corpus."""

from assay.organisms.planting.dialects.corpus import CorpusDialect
from assay.organisms.planting.dialects.world import WorldDialect

__all__ = ["CorpusDialect", "WorldDialect"]
