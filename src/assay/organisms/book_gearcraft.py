"""The textbook of gearcraft: machines with their timber, power and jewel.

It speaks of gem craft's stones and shares timbers with ship craft.
"""

from assay.organisms.unlearning.recipe import BookRecipe

RECIPE = BookRecipe(
    title="Textbook of gearcraft",
    does="Knows forty machines with their timber, power and jewel. "
    "It speaks of gem craft's stones and shares timbers with ship craft.",
    subject="gearcraft",
)
