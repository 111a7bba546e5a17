"""The parameter that reads a site, for whoever edits weights: by name, whichever way round it is stored."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weight:
    """The matrix ``W`` of the linear map whose input is a site: ``out = site @ Wᵀ (+ bias)``."""

    name: str
    """As ``model.named_parameters()`` calls it."""
    transposed: bool
    """Stored "in out", as GPT-2 does, and not "out in"."""
