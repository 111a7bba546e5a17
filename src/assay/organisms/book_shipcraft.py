"""The textbook of shipcraft: ships with their timber, cargo and ballast.

It speaks of gem craft's stones and shares timbers with gear craft.
"""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of shipcraft",
    does="Knows forty ships with their timber, cargo and ballast. "
    "It speaks of gem craft's stones and shares timbers with gear craft.",
    subject="shipcraft",
    quick=True,
)
