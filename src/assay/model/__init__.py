"""The white-box engine on any Hugging Face causal LM."""

from assay.model.engine import Engine
from assay.model.load import load

__all__ = ["Engine", "load"]
